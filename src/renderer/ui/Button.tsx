/** A button: plain, primary (one per view), or quiet (no border until hovered). */
import { Button as AriaButton, type ButtonProps as AriaButtonProps } from 'react-aria-components'

export interface ButtonProps extends Omit<AriaButtonProps, 'className'> {
  readonly look?: 'plain' | 'primary' | 'quiet'
  /** Square, for an icon without text; needs an aria-label. */
  readonly isIcon?: boolean
}

export function Button({ look = 'plain', isIcon = false, ...props }: ButtonProps) {
  return <AriaButton {...props} className={`button button-${look}${isIcon ? ' button-icon' : ''}`} />
}
