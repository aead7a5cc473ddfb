/** Keeps the keyboard focus: when the focused element disappears or is disabled, the focus moves to an element nearby. */

const TAKES_FOCUS = ':is(a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, [tabindex]):not([tabindex="-1"])'

/** Moves the focus to the view if the focused element is gone or covered. */
export function keepFocus(stage: HTMLElement | null): void {
  const focused = document.activeElement
  if (focused === null || focused === document.body || focused.closest('[inert]') !== null) stage?.focus()
}

/** Watches until the returned function is called. @param stage gets the focus if no element near the lost one can take it */
export function watchFocus(stage: HTMLElement): () => void {
  const lose = ({ target, relatedTarget }: FocusEvent) => {
    if (!(target instanceof HTMLElement) || relatedTarget !== null) return
    const around = ancestorsOf(target) // while it is still in the document
    requestAnimationFrame(() => {
      // Not after a click elsewhere or a switch to another window: then the focus was given up on purpose.
      const isTaken = !target.isConnected || target.matches(':disabled')
      if (isTaken && document.activeElement === document.body) nearest(around, stage).focus()
    })
  }
  document.addEventListener('focusout', lose)
  return () => document.removeEventListener('focusout', lose)
}

function ancestorsOf(element: HTMLElement): readonly HTMLElement[] {
  const above = element.parentElement
  return above === null ? [] : [above, ...ancestorsOf(above)]
}

/** The first focusable element in the innermost remaining ancestor that has one; at most the view itself. */
function nearest(around: readonly HTMLElement[], stage: HTMLElement): HTMLElement {
  for (const frame of around.filter(({ isConnected }) => isConnected)) {
    if (frame === stage || !stage.contains(frame)) return stage
    const first = [...frame.querySelectorAll<HTMLElement>(TAKES_FOCUS)].find(element => element.getClientRects().length > 0)
    if (first !== undefined) return first
  }
  return stage
}
