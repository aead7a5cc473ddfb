/** Frames that must arrive, other than stream data, waiting for a packet; oldest first. */
import type { Frame } from '../wire/frames.ts'
import type { PacketWriter } from './packet-writer.ts'

/** The most control frames in one packet. */
const IN_ONE_PACKET_MAX = 32

export class ControlFrames {
  readonly #waiting: Frame[] = []

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  get waiting(): readonly Frame[] {
    return this.#waiting
  }

  /** Keeps only the latest PATH_RESPONSE, so a peer that sends challenges endlessly cannot fill our memory. */
  add(...frames: readonly Frame[]): void {
    for (const frame of frames) {
      const before = frame.kind === 'PATH_RESPONSE' ? this.#waiting.findIndex(({ kind }) => kind === 'PATH_RESPONSE') : -1
      if (before >= 0) this.#waiting.splice(before, 1)
      this.#waiting.push(frame)
    }
  }

  /** Requeues lost frames ahead of all others. */
  addAgain(frames: readonly Frame[]): void {
    this.#waiting.unshift(...frames)
  }

  /** Writes as many frames as fit. @returns the frames written */
  take(writer: PacketWriter): Frame[] {
    const taken: Frame[] = []
    for (let frame = this.#waiting[0]; frame !== undefined && taken.length < IN_ONE_PACKET_MAX && writer.add(frame); frame = this.#waiting[0]) {
      taken.push(frame)
      this.#waiting.shift()
    }
    return taken
  }
}

/**
 * Whether a frame is retransmitted when lost. Path challenges and responses have timers of their own, and the next PING
 * does the work of a lost one.
 */
export function isRepeated({ kind }: Frame): boolean {
  return kind !== 'PING' && kind !== 'PATH_CHALLENGE' && kind !== 'PATH_RESPONSE'
}
