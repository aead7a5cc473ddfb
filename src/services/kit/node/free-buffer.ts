/**
 * Frees the memory of buffers that are no longer needed. V8 would free it at its next garbage collection, which comes late
 * (garbage-collection.ts): until then each new buffer gets fresh memory, which the system has to zero and no CPU cache holds.
 */

/** Shorter buffers mostly come from pools and are not worth the call. */
const WORTHWHILE_BYTES = 16 * 1024

type Transfer = (this: ArrayBufferLike, lengthBytes: number) => unknown

/** ES2024's ArrayBuffer.prototype.transfer, which detaches a buffer. The oldest Node that Hamlet runs on lacks it and leaves the work to the collector. */
const transfer: unknown = Reflect.get(ArrayBuffer.prototype, 'transfer')

function isTransfer(value: unknown): value is Transfer {
  return typeof value === 'function'
}

/** Frees the memory of `bytes` at once, unless it is shared with other arrays. The array is empty afterwards. */
export function freeBuffer(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes
  if (byteLength >= WORTHWHILE_BYTES && byteLength === buffer.byteLength && isTransfer(transfer)) transfer.call(buffer, 0)
}
