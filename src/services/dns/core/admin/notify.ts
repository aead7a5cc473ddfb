/**
 * NOTIFY: informs the secondaries that the zone has changed, so that they transfer it (RFC 1996). The message is sent one
 * second after a change, so that a burst of changes is announced once. It is repeated with doubling intervals until the
 * secondary responds, five times at most; after that, the secondary notices the change at its next refresh.
 *
 *     idle ─── change ──→ due in 1 s ──→ sent ── response ─→ idle
 *                            ↑            │ 2, 4, 8, 16 s
 *                            └────────────┘
 */
import { MalformedPacket } from '../../../kit/errors.ts'
import type { Path } from '../../../kit/endpoint.ts'
import type { Effect, Machine } from '../../../kit/machine.ts'
import type { Random } from '../../../kit/random.ts'
import { decodeMessage, encodeMessage, type Message, type ResourceRecord } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { CLASS, formatRcode, OPCODE, RCODE, TYPE } from '../../wire/types.ts'
import { APEX, serialOf } from '../zone/apex.ts'

/** The outcome for one secondary: its response code, or `SILENT` if it did not respond. */
export interface NotifyEvent {
  readonly name: 'notified'
  readonly secondary: Path
  readonly serial: number
  readonly rcode: string
}

const WAIT_MS = 1000
const FIRST_RETRY_MS = 2000
const ATTEMPTS_MAX = 5

/** A secondary that has not yet acknowledged the latest change. */
interface Notice {
  readonly soa: ResourceRecord
  readonly atMs: number
  readonly attempts: number
  /** The id of the message in flight. */
  readonly id: number | undefined
}

export class Notifier implements Machine<NotifyEvent> {
  readonly outbox: Effect<NotifyEvent>[] = []
  readonly #notices = new Map<Path, Notice>()
  readonly #secondaries: readonly Path[]
  readonly #random: Random

  constructor(secondaries: readonly Path[], random: Random) {
    this.#secondaries = secondaries
    this.#random = random
  }

  /** The zone has this SOA now. */
  changed(soa: ResourceRecord, nowMs: number): void {
    for (const secondary of this.#secondaries) {
      const notice = this.#notices.get(secondary)
      const isWaiting = notice !== undefined && notice.attempts === 0
      this.#notices.set(secondary, { soa, atMs: isWaiting ? notice.atMs : nowMs + WAIT_MS, attempts: 0, id: undefined })
    }
  }

  /** Takes the response of a secondary, and ignores anything else. */
  receive(bytes: Uint8Array, path: Path): void {
    const notice = this.#notices.get(path)
    if (notice?.id === undefined) return
    try {
      const message = decodeMessage(bytes)
      if (message.header.id !== notice.id || !isResponse(message)) return
      this.#settle(path, notice, formatRcode(message.header.rcode))
    } catch (error) {
      if (!(error instanceof MalformedPacket)) throw error
    }
  }

  timeout(nowMs: number): void {
    for (const [secondary, notice] of this.#notices) {
      if (notice.atMs > nowMs) continue
      if (notice.attempts >= ATTEMPTS_MAX) {
        this.#settle(secondary, notice, 'SILENT')
        continue
      }
      const id = this.#random.uint32() & 0xffff
      this.#notices.set(secondary, { ...notice, id, attempts: notice.attempts + 1, atMs: nowMs + FIRST_RETRY_MS * 2 ** notice.attempts })
      this.outbox.push({ kind: 'send', path: secondary, bytes: encodeNotify(id, notice.soa) })
    }
  }

  deadlineMs(): number {
    return Math.min(...[...this.#notices.values()].map(({ atMs }) => atMs))
  }

  #settle(secondary: Path, { soa }: Notice, rcode: string): void {
    this.#notices.delete(secondary)
    this.outbox.push({ kind: 'event', event: { name: 'notified', secondary, serial: serialOf(soa), rcode } })
  }
}

/** The SOA is included as a hint (RFC 1996 §3.7). */
function encodeNotify(id: number, soa: ResourceRecord): Uint8Array {
  return encodeMessage({
    header: { id, qr: false, opcode: OPCODE.NOTIFY, aa: true, tc: false, rd: false, ra: false, ad: false, cd: false, rcode: RCODE.NOERROR },
    questions: [{ name: APEX, type: TYPE.SOA, class: CLASS.IN }], answers: [soa], authorities: [], additionals: [],
  })
}

function isResponse({ header, questions: [question] }: Message): boolean {
  return header.qr && header.opcode === OPCODE.NOTIFY && (question === undefined || (nameKey(question.name) === APEX && question.type === TYPE.SOA))
}
