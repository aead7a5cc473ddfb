/** A packet's fields as lines of a tree, and its bytes as lines of a hex dump. */
import type { Field } from '../../services/kit/dissection.ts'
import { fieldsAt } from './rows.ts'

export const HEX_COLUMNS = 16

export interface VisibleField {
  /**
   * Names and counters from the outermost field down, such as `answer 0/rdata 0`:
   * the same in every packet that has this field.
   */
  readonly path: string
  /** 1 for the outermost. */
  readonly level: number
  readonly field: Field
  readonly isOpen: boolean
}

/** The fields in order, including those inside open fields. */
export function visibleFields(fields: readonly Field[], open: ReadonlySet<string>, above = '', level = 1): VisibleField[] {
  return pathsOf(fields, above).flatMap(({ field, path }) => {
    const isOpen = field.fields !== undefined && open.has(path)
    return [{ path, level, field, isOpen }, ...isOpen ? visibleFields(field.fields, open, `${path}/`, level + 1) : []]
  })
}

/** The innermost field of a byte, and its ancestors, which must be open for it to be visible. */
export function pathAt(fields: readonly Field[], at: number): { readonly path: string; readonly ancestors: readonly string[] } {
  const paths: string[] = []
  let siblings = fields
  for (const field of fieldsAt(fields, at)) {
    const above = paths.length === 0 ? '' : `${paths[paths.length - 1] ?? ''}/`
    paths.push(pathsOf(siblings, above)[siblings.indexOf(field)]?.path ?? '')
    siblings = field.fields ?? []
  }
  return { path: paths[paths.length - 1] ?? '', ancestors: paths.slice(0, -1) }
}

/** The path of the parent field. */
export const pathAbove = (path: string) => path.slice(0, path.lastIndexOf('/'))

function pathsOf(siblings: readonly Field[], above: string): { readonly field: Field; readonly path: string }[] {
  const counts = new Map<string, number>()
  return siblings.map(field => {
    const count = counts.get(field.name) ?? 0
    counts.set(field.name, count + 1)
    return { field, path: `${above}${field.name} ${count}` }
  })
}

/** The bytes of one line, each as two hex digits and as a character. */
export function bytesOfLine(bytes: Uint8Array, from: number): { readonly at: number; readonly hex: string; readonly text: string }[] {
  return Array.from(bytes.subarray(from, from + HEX_COLUMNS), (byte, index) => ({
    at: from + index, hex: byte.toString(16).padStart(2, '0'), text: byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : byte === 0x20 ? '\u00a0' : '·',
  }))
}
