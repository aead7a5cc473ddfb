/**
 * An on-off switch: a button with the switch role, so that, unlike with a hidden
 * checkbox, the visible element is the clickable one.
 */

export interface SwitchProps {
  /** What it switches, for screen readers. */
  readonly label: string
  readonly isOn: boolean
  /** Ignores clicks, but keeps the keyboard focus, which a disabled button would lose. */
  readonly isDisabled?: boolean
  readonly onChange: (isOn: boolean) => void
}

export function Switch({ label, isOn, isDisabled = false, onChange }: SwitchProps) {
  const press = () => { if (!isDisabled) onChange(!isOn) }
  return <button type="button" role="switch" className="switch" aria-checked={isOn} aria-label={label} aria-disabled={isDisabled} onClick={press} />
}
