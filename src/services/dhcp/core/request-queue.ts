/**
 * A priority queue of received datagrams. DISCOVERs wait behind all other messages, so that under overload the
 * exchanges that have begun are completed. When the queue is full, the oldest DISCOVER is dropped: its client has
 * probably sent another since.
 */
import type { Path } from '../../kit/endpoint.ts'
import { MESSAGE_TYPE, peekMessageType } from '../wire/message.ts'

/** A fraction of a second's work. */
export const PENDING_MAX = 4096

export interface PendingRequest {
  readonly bytes: Uint8Array
  readonly path: Path
}

export class RequestQueue {
  readonly #discovers = new Queue()
  readonly #others = new Queue()

  get length(): number {
    return this.#discovers.length + this.#others.length
  }

  /** @returns false if a datagram had to be dropped: the oldest DISCOVER, or if there is none, the oldest datagram */
  push(request: PendingRequest): boolean {
    const isDiscover = peekMessageType(request.bytes) === MESSAGE_TYPE.DISCOVER
    const queue = isDiscover ? this.#discovers : this.#others
    queue.push(request)
    if (this.length <= PENDING_MAX) return true
    if (this.#discovers.shift() === undefined) this.#others.shift()
    return false
  }

  /** Takes the datagram to answer next. */
  shift(): PendingRequest | undefined {
    return this.#others.shift() ?? this.#discovers.shift()
  }
}

/** First in, first out, each in O(1). */
class Queue {
  #items: (PendingRequest | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: PendingRequest): void {
    this.#items.push(item)
  }

  shift(): PendingRequest | undefined {
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
