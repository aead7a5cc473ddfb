/** Frames of a connection that have to arrive and wait for a packet, oldest first. */
import type { Frame } from '../wire/frames.ts'
import type { PacketWriter } from './packet-writer.ts'

/** Frames of one packet beside a stream's bytes. */
const IN_ONE_PACKET_MAX = 32

export class ControlFrames {
  readonly #waiting: Frame[] = []

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  get waiting(): readonly Frame[] {
    return this.#waiting
  }

  /** Only the latest challenge is answered: a peer that asks without end cannot fill our memory. */
  add(...frames: readonly Frame[]): void {
    for (const frame of frames) {
      const before = frame.kind === 'PATH_RESPONSE' ? this.#waiting.findIndex(({ kind }) => kind === 'PATH_RESPONSE') : -1
      if (before >= 0) this.#waiting.splice(before, 1)
      this.#waiting.push(frame)
    }
  }

  /** They were lost, and leave before all others. */
  addAgain(frames: readonly Frame[]): void {
    this.#waiting.unshift(...frames)
  }

  /** Writes as many as there is room for. @returns them */
  take(writer: PacketWriter): Frame[] {
    const taken: Frame[] = []
    for (let frame = this.#waiting[0]; frame !== undefined && taken.length < IN_ONE_PACKET_MAX && writer.add(frame); frame = this.#waiting[0]) {
      taken.push(frame)
      this.#waiting.shift()
    }
    return taken
  }
}

/** A challenge and its response have timers of their own; the next PING says as much as a lost one. */
export function isRepeated({ kind }: Frame): boolean {
  return kind !== 'PING' && kind !== 'PATH_CHALLENGE' && kind !== 'PATH_RESPONSE'
}
