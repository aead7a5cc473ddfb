/** DNS over a byte stream: each message behind its length in two octets (RFC 1035 §4.2.2, RFC 7766 §8). */

/** A message with its length before it: to be written at once, so it leaves in one segment. */
export function encodeFrame(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(message.length + 2)
  frame[0] = message.length >>> 8
  frame[1] = message.length & 255
  frame.set(message, 2)
  return frame
}

/** Finds the messages in a stream, however it is cut. Holds at most one message that is not complete. */
export class FrameReader {
  #held = new Uint8Array(0)

  /** True where a message has begun and its end has not come. */
  get isWithin(): boolean {
    return this.#held.length > 0
  }

  /** The messages that are complete with this chunk. */
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
