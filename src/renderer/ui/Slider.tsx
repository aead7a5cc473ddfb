/** A value of a few that make sense, chosen by sliding. What the place means stands beside it as text, for eyes and for screen readers. */

export interface SliderProps {
  readonly label: string
  /** How many places there are. */
  readonly count: number
  readonly place: number
  /** What the place means: "50 ms". */
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
