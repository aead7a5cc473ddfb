/** The geometry of a virtualized list whose rows all have the same height. */

export interface Geometry {
  readonly rowPx: number
  readonly rowsInView: number
}

/** The rows to render: those in view, and one or two beyond, so that none is missing during scrolling. */
export function rowsDrawn({ rowPx, rowsInView }: Geometry, topPx: number, count: number): { readonly from: number; readonly to: number } {
  const from = Math.min(Math.max(0, Math.floor(topPx / rowPx) - 1), Math.max(0, count - rowsInView))
  return { from, to: Math.min(count, from + rowsInView + 3) }
}

/** The scroll position at the end of a list. */
export function endPx({ rowPx, rowsInView }: Geometry, count: number): number {
  return Math.max(0, count - rowsInView) * rowPx
}

/** The scroll position nearest to the current one at which a row is in view. */
export function topPxFor({ rowPx, rowsInView }: Geometry, index: number, topPx: number): number {
  return Math.min(index * rowPx, Math.max(topPx, (index + 1 - rowsInView) * rowPx))
}
