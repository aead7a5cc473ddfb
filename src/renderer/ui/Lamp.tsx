/** A lamp, drawn as a house with one window, which is lit or dark. */

export interface LampProps {
  readonly lit: boolean
  /** The evidence for the state, for screen readers. */
  readonly sentence: string
  /** Edge length in px. The window is a third as wide; if it were smaller, lit and dark would look alike. */
  readonly size?: number
  readonly testId?: string | undefined
}

export function Lamp({ lit, sentence, size = 32, testId }: LampProps) {
  const light = lit ? 'Lit' : 'Not lit'
  const label = sentence === '' ? light : `${light}: ${sentence}`
  return (
    <svg
      className="lamp" data-lit={lit} data-testid={testId} role="img" aria-label={label}
      width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeLinejoin="round"
    >
      <path d="M3.5 10.5 12 3l8.5 7.5V21h-17z" strokeWidth="1.6" />
      <rect className="lamp-window" x="8" y="10.5" width="8" height="7" rx="0.8" strokeWidth="1.4" />
    </svg>
  )
}
