/** Where the rows of a long list stand, of which only those in view are drawn: all are of one height. */

export interface Geometry {
  readonly rowPx: number
  readonly rowsInView: number
}

/** Which rows are drawn: those in view, and one or two beyond, so that none is missing while it scrolls. */
export function rowsDrawn({ rowPx, rowsInView }: Geometry, topPx: number, count: number): { readonly from: number; readonly to: number } {
  const from = Math.min(Math.max(0, Math.floor(topPx / rowPx) - 1), Math.max(0, count - rowsInView))
  return { from, to: Math.min(count, from + rowsInView + 3) }
}

/** How far a list is scrolled at its end. */
export function endPx({ rowPx, rowsInView }: Geometry, count: number): number {
  return Math.max(0, count - rowsInView) * rowPx
}

/** How far the list has to be scrolled for a row to be in view: no farther than needed. */
export function topPxFor({ rowPx, rowsInView }: Geometry, index: number, topPx: number): number {
  return Math.min(index * rowPx, Math.max(topPx, (index + 1 - rowsInView) * rowPx))
}
