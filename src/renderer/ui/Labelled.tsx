/** Shows a control's label above it. Hidden from screen readers, which take the label from the control itself. */
import type { ReactNode } from 'react'

export interface LabelledProps {
  readonly label: string
  readonly children: ReactNode
}

export function Labelled({ label, children }: LabelledProps) {
  return <div className="field"><span className="field-label" aria-hidden="true">{label}</span>{children}</div>
}
