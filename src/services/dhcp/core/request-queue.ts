/**
 * Datagrams that wait to be answered. Who asks for an address (DISCOVER) waits behind those who take, renew or give back one:
 * so under overload exchanges that have begun come to their end, and what is given up is the oldest DISCOVER, whose client
 * has asked again since.
 */
import type { Path } from '../../kit/endpoint.ts'
import { MESSAGE_TYPE, peekMessageType } from '../wire/message.ts'

/** A fraction of a second of work. */
export const PENDING_MAX = 4096

export interface Waiting {
  readonly bytes: Uint8Array
  readonly path: Path
}

export class RequestQueue {
  readonly #discovers = new Queue()
  readonly #others = new Queue()

  get length(): number {
    return this.#discovers.length + this.#others.length
  }

  /** @returns false where something had to be given up: the oldest DISCOVER, else the oldest of all */
  push(waiting: Waiting): boolean {
    const isDiscover = peekMessageType(waiting.bytes) === MESSAGE_TYPE.DISCOVER
    const queue = isDiscover ? this.#discovers : this.#others
    queue.push(waiting)
    if (this.length <= PENDING_MAX) return true
    if (this.#discovers.shift() === undefined) this.#others.shift()
    return false
  }

  /** Who is answered next. */
  shift(): Waiting | undefined {
    return this.#others.shift() ?? this.#discovers.shift()
  }
}

/** First in, first out, each in O(1). */
class Queue {
  #items: (Waiting | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: Waiting): void {
    this.#items.push(item)
  }

  shift(): Waiting | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head++] = undefined
    if (this.#head > PENDING_MAX) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
