/**
 * Memory of buffers that are done with. V8 would find it when it collects garbage next, which is when much has gathered
 * (garbage-collection.ts): until then each new buffer gets memory that the system has to clear and the processor does not know.
 */

/** Shorter ones come from places that are used again anyway, and are not worth the call. */
const WORTH_BYTES = 16 * 1024

type Transfer = (this: ArrayBufferLike, lengthBytes: number) => unknown

/** ES2024's way to empty a buffer, looked for since the oldest Node that Hamlet runs on does not have it: there the collector does it. */
const transfer: unknown = Reflect.get(ArrayBuffer.prototype, 'transfer')

function isTransfer(value: unknown): value is Transfer {
  return typeof value === 'function'
}

/** Frees the memory of `bytes` at once, if it is theirs alone. Whoever still holds them finds them empty. */
export function freeBuffer(bytes: Uint8Array): void {
  const { buffer, byteLength } = bytes
  if (byteLength >= WORTH_BYTES && byteLength === buffer.byteLength && isTransfer(transfer)) transfer.call(buffer, 0)
}
