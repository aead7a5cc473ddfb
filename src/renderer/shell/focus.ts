/** The keyboard's focus is never lost: where what had it is gone, or takes it no longer, it goes on beside that. */

const TAKES_FOCUS = ':is(a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, summary, [tabindex]):not([tabindex="-1"])'

/** What had the focus is gone, or covered: the keyboard and the screen reader go on in the view. */
export function keepFocus(stage: HTMLElement | null): void {
  const focused = document.activeElement
  if (focused === null || focused === document.body || focused.closest('[inert]') !== null) stage?.focus()
}

/** Watches until the returned function is called. @param stage takes the focus where nothing around what had it does */
export function watchFocus(stage: HTMLElement): () => void {
  const lose = ({ target, relatedTarget }: FocusEvent) => {
    if (!(target instanceof HTMLElement) || relatedTarget !== null) return
    const around = ancestorsOf(target) // while it is still there
    requestAnimationFrame(() => {
      // Who clicks beside it, or goes to another window, wants that.
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

/** What takes the focus first, in the innermost of these that is still there and has something; not beyond the view. */
function nearest(around: readonly HTMLElement[], stage: HTMLElement): HTMLElement {
  for (const frame of around.filter(({ isConnected }) => isConnected)) {
    if (frame === stage || !stage.contains(frame)) return stage
    const first = [...frame.querySelectorAll<HTMLElement>(TAKES_FOCUS)].find(element => element.getClientRects().length > 0)
    if (first !== undefined) return first
  }
  return stage
}
