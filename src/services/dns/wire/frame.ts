/** DNS over a byte stream: each message is preceded by its length in two octets (RFC 1035 §4.2.2, RFC 7766 §8). */

/** A message prefixed with its length, for a single write, so that both leave in one segment. */
export function encodeFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(message.length + 2)
  frame[0] = message.length >>> 8
  frame[1] = message.length & 255
  frame.set(message, 2)
  return frame
}

/** Extracts the messages from a stream, however it is split into chunks. Buffers at most one incomplete message. */
export class FrameReader {
  #held = new Uint8Array(0)

  /** True if part of a message has arrived. */
  get isWithin(): boolean {
    return this.#held.length > 0
  }

  /** The messages that this chunk completes. */
  push(chunk: Uint8Array): Uint8Array[] {
    const bytes = new Uint8Array(this.#held.length + chunk.length)
    bytes.set(this.#held)
    bytes.set(chunk, this.#held.length)
    const messages: Uint8Array[] = []
    let at = 0
    while (at + 2 <= bytes.length) {
      const end = at + 2 + (bytes[at] ?? 0) * 0x100 + (bytes[at + 1] ?? 0)
      if (end > bytes.length) break
      messages.push(bytes.slice(at + 2, end))
      at = end
    }
    this.#held = bytes.slice(at)
    return messages
  }
}
