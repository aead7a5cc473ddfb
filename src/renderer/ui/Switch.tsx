/** An on-off switch. A plain button with the switch role: unlike a hidden checkbox, what is clicked is what is seen. */

export interface SwitchProps {
  /** What it switches, for people who cannot see where it stands. */
  readonly label: string
  readonly isOn: boolean
  /** Keeps the keyboard's focus, which a disabled button would lose. */
  readonly isDisabled?: boolean
  readonly onChange: (isOn: boolean) => void
}

export function Switch({ label, isOn, isDisabled = false, onChange }: SwitchProps) {
  const press = () => { if (!isDisabled) onChange(!isOn) }
  return <button type="button" role="switch" className="switch" aria-checked={isOn} aria-label={label} aria-disabled={isDisabled} onClick={press} />
}
