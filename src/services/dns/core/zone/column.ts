/**
 * A column of whole numbers that grows by itself. A table of a million rows is a few columns, not a million objects: four octets
 * a cell, nothing for a garbage collector to visit, and a row is an index.
 */
const FIRST_CELLS = 64

export class Column {
  #cells = new Uint32Array(FIRST_CELLS)

  /** 0 where nothing was set. */
  get(row: number): number {
    return this.#cells[row] ?? 0
  }

  /** @param value 0 to 2³² − 1 */
  set(row: number, value: number): void {
    if (row >= this.#cells.length) this.#grow(row)
    this.#cells[row] = value
  }

  #grow(row: number): void {
    const cells = new Uint32Array(Math.max(row + 1, this.#cells.length * 2))
    cells.set(this.#cells)
    this.#cells = cells
  }
}
