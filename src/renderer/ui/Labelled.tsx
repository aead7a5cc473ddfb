/** A control with its name above it, for eyes; the control says its name itself to screen readers. */
import type { ReactNode } from 'react'

export interface LabelledProps {
  readonly label: string
  readonly children: ReactNode
}

export function Labelled({ label, children }: LabelledProps) {
  return <div className="field"><span className="field-label" aria-hidden="true">{label}</span>{children}</div>
}
