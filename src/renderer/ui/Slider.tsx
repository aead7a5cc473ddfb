/** A slider over a few meaningful values. The current value is shown as text, and announced to screen readers. */

export interface SliderProps {
  readonly label: string
  /** Number of stops. */
  readonly count: number
  readonly place: number
  /** The value as text: "50 ms". */
  readonly text: string
  readonly isDisabled?: boolean
  readonly onChange: (place: number) => void
}

export function Slider({ label, count, place, text, isDisabled = false, onChange }: SliderProps) {
  return (
    <label className="slider">
      <span className="slider-label">{label}</span>
      <span className="slider-text">{text}</span>
      <input
        type="range" min={0} max={count - 1} step={1} value={place} disabled={isDisabled} aria-label={label} aria-valuetext={text}
        onChange={event => onChange(Number(event.target.value))}
      />
    </label>
  )
}
