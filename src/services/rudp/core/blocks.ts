/**
 * Memory for the bytes of a stream that arrive in any order and are read in their own: blocks that begin at fixed offsets. A short
 * stream has one small block, a long one gets larger ones as it goes on.
 *
 *     offset  0      16 K    32 K     64 K      128 K       256 K         512 K         768 K
 *             ├──────┼───────┼────────┼─────────┼───────────┼─────────────┼─────────────┼── 256 K each
 *
 * What is read is not copied: it is the part of the block where it lies, which nothing will be written to any more. The first 64 KB,
 * which are three blocks, are kept though they were read, until `keepNoMore`: a parity may need them. Their reader owns them, and may have changed them.
 */
import { PARITY_STREAM_BYTES_MAX } from '../wire/frames.ts'

const FIRST_BYTES = 16 * 1024
const LARGEST_BYTES = 256 * 1024

interface Block {
  readonly startOffset: number
  readonly bytes: Uint8Array
}

export class Blocks {
  /** Few, as they lie between what was read and the limit. */
  readonly #blocks: Block[] = []
  #keptBelow = PARITY_STREAM_BYTES_MAX

  /** Copies `bytes` to where stream offset `offset` lies. */
  put(offset: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const block = this.#blockOf(offset + at)
      const from = offset + at - block.startOffset
      const length = Math.min(bytes.length - at, block.bytes.length - from)
      block.bytes.set(length === bytes.length ? bytes : bytes.subarray(at, at + length), from)
      at += length
    }
  }

  /** The bytes from `offset` on, at most `maxBytes`, and only those of one block. Those before them, and they, are forgotten where they are not kept. */
  take(offset: number, maxBytes: number): Uint8Array {
    const block = this.#blockOf(offset)
    const from = offset - block.startOffset
    const bytes = block.bytes.subarray(from, from + maxBytes)
    if (from + bytes.length === block.bytes.length && block.startOffset >= this.#keptBelow) this.#blocks.splice(this.#blocks.indexOf(block), 1)
    return bytes
  }

  /** What stands below `endOffset`, in order; zeros where nothing was put. Blocks in which nothing was put are left out. */
  below(endOffset: number): { readonly offset: number; readonly bytes: Uint8Array }[] {
    return this.#blocks.filter(({ startOffset }) => startOffset < endOffset).sort((one, other) => one.startOffset - other.startOffset)
      .map(({ startOffset, bytes }) => ({ offset: startOffset, bytes: bytes.subarray(0, endOffset - startOffset) }))
  }

  /** The beginning is kept no longer than anything else. @param readTo how far all was read */
  keepNoMore(readTo: number): void {
    this.#keptBelow = 0
    const unread = this.#blocks.filter(({ startOffset, bytes }) => startOffset + bytes.length > readTo)
    this.#blocks.splice(0, Infinity, ...unread)
  }

  /** Nothing is kept. */
  release(): void {
    this.#blocks.length = 0
  }

  #blockOf(offset: number): Block {
    for (const block of this.#blocks) if (block.startOffset <= offset && offset < block.startOffset + block.bytes.length) return block
    const block = newBlock(offset)
    this.#blocks.push(block)
    return block
  }
}

function newBlock(offset: number): Block {
  if (offset < FIRST_BYTES) return { startOffset: 0, bytes: new Uint8Array(FIRST_BYTES) }
  const sizeBytes = offset < LARGEST_BYTES ? 2 ** Math.floor(Math.log2(offset)) : LARGEST_BYTES
  return { startOffset: offset - offset % sizeBytes, bytes: new Uint8Array(sizeBytes) }
}
