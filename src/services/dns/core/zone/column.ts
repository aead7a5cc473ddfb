/**
 * A column of integers that grows on demand. A table of a million rows is a few columns instead of a million objects: four
 * octets per cell, nothing for the garbage collector to visit, and a row is just an index.
 */
const FIRST_CELLS = 64

export class Column {
  #cells = new Uint32Array(FIRST_CELLS)

  /** 0 if the cell was never set. */
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
