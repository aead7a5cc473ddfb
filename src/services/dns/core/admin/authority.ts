/**
 * What is asked of the zone as a whole, and who may ask it:
 *
 *     UPDATE        whoever signs (tsig.ts); this machine too, where a setting says so
 *     AXFR, IXFR    whoever signs, and the secondaries that the settings name
 *     NOTIFY        nobody: this server is no secondary (RFC 1996 §3.11)
 *
 * A signature that is not true gets NOTAUTH, whatever it asks. Plain queries are not taken here; those that are signed have
 * their answers signed.
 */
import { formatEndpoint, type Path } from '../../../kit/endpoint.ts'
import type { Effect } from '../../../kit/machine.ts'
import { optRecord, type Edns } from '../../wire/edns.ts'
import { encodeMessage, type Message, type Question } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { CLASS, formatRcode, formatType, OPCODE, RCODE, TYPE } from '../../wire/types.ts'
import { APEX } from '../zone/apex.ts'
import { ReplayMemory } from './replay-memory.ts'
import { changesSince, heldSerial, oneMessage, transferMessages, wholeZone, type Transfer, type TransferEnd, type TransferQuery } from './transfer.ts'
import { isThisMachine } from './this-machine.ts'
import { verifyRequest, type Hmac, type KeyOf, type ResponseSignature, type SignedRequest } from './tsig.ts'
import type { Zone } from '../zone/zone.ts'

export interface AuthorityOptions {
  readonly keyOf: KeyOf
  readonly hmac: Hmac
  /** The time of day in seconds since 1970, as the system has it at each moment. */
  readonly wallSeconds: () => number
  /** Addresses that may take the zone without a signature. */
  readonly secondaries: readonly string[]
  /** Updates from this machine need no signature. */
  readonly takesLocalUpdates: boolean
}

/** A message that is no plain query, or a query that may be signed. */
export interface Request {
  readonly message: Message
  readonly edns: Edns | undefined
  readonly signed: SignedRequest | undefined
  readonly path: Path
  readonly overTcp: boolean
  /** What the answer may have, its signature included. */
  readonly limitBytes: number
}

export type AuthorityEvent =
  /** To be decided when all changes before it are made, and answered by `answerUpdate` when its own is safe. */
  | { readonly name: 'updateAsked'; readonly request: Request }
  /** To be sent on the stream as fast as it is read. */
  | { readonly name: 'transferAsked'; readonly request: Request; readonly serial: number; readonly messages: Iterator<Uint8Array, TransferEnd> }
  | { readonly name: 'refused'; readonly client: string; readonly asked: string; readonly why: string }

export class Authority {
  readonly outbox: Effect<AuthorityEvent>[] = []
  readonly #updates: ReplayMemory<number>
  private readonly zone: Zone
  private readonly options: AuthorityOptions

  constructor(zone: Zone, options: AuthorityOptions) {
    this.zone = zone
    this.options = options
    this.#updates = new ReplayMemory(options.wallSeconds())
  }

  /** @throws MalformedPacket for a signature that breaks the format */
  verify(bytes: Uint8Array, message: Message): SignedRequest | undefined {
    const { keyOf, hmac, wallSeconds } = this.options
    return verifyRequest(bytes, message, keyOf, hmac, wallSeconds())
  }

  /** An answer as it goes out. */
  sign(bytes: Uint8Array, signature: ResponseSignature | undefined): Uint8Array {
    return signature === undefined ? bytes : signature.sign(bytes, this.options.wallSeconds())
  }

  /** Takes what is not a plain query. @returns false for a plain query, which its asker may have signed, and for what no server could answer */
  take(request: Request): boolean {
    const { message: { header, questions: [question, second] }, edns, signed } = request
    if (signed !== undefined && signed.error !== RCODE.NOERROR) this.#refuse(request, RCODE.NOTAUTH, `its signature by the key "${signed.keyName}" is ${formatTsigError(signed.error)}`)
    else if (second !== undefined || (edns !== undefined && edns.version !== 0)) return false
    else if (header.opcode === OPCODE.UPDATE) this.#update(request)
    else if (header.opcode === OPCODE.NOTIFY) this.#refuse(request, isZone(question) ? RCODE.REFUSED : RCODE.NOTAUTH, 'this server is no secondary')
    else if (header.opcode === OPCODE.QUERY && (question?.type === TYPE.AXFR || question?.type === TYPE.IXFR)) this.#transfer(request, question)
    else return false
    return true
  }

  /** @param rcode what `decideUpdate` said, once the change is safe on disk; SERVFAIL where it could not be made safe */
  answerUpdate(request: Request, rcode: number): void {
    const { signed } = request
    if (signed !== undefined) this.#updates.answered(signed.mac, signed.signedAtSeconds, rcode)
    this.#reply(request, rcode)
  }

  #update(request: Request): void {
    const { signed, path: { local, peer }, overTcp } = request
    if (signed === undefined) {
      // The system gives who asks its own machine's address that same address.
      if (this.options.takesLocalUpdates && isThisMachine(peer.address, [local.address], overTcp)) return this.#event({ name: 'updateAsked', request })
      return this.#refuse(request, RCODE.REFUSED, 'it is not signed')
    }
    const recalled = this.#updates.recall(signed.mac, signed.signedAtSeconds, this.options.wallSeconds())
    switch (recalled.kind) {
      case 'new': return this.#event({ name: 'updateAsked', request })
      case 'done': return this.#reply(request, recalled.answer)
      case 'too-old': return this.#refuse(request, RCODE.REFUSED, 'it was signed before this server was started, or too many were signed since')
      case 'pending': return
    }
  }

  #transfer(request: Request, question: Question): void {
    const { message, signed, path, overTcp } = request
    if (signed === undefined && !this.options.secondaries.includes(path.peer.address)) return this.#refuse(request, RCODE.REFUSED, 'it is not signed, and its sender is no --secondary')
    if (!isZone(question)) return this.#refuse(request, RCODE.NOTAUTH, `only ${APEX} can be transferred`)
    if (this.zone.isPartial) return this.#refuse(request, RCODE.SERVFAIL, 'names are missing here: dns.zone cannot be read')
    const isWhole = question.type === TYPE.AXFR
    if (isWhole && !overTcp) return this.#refuse(request, RCODE.FORMERR, 'a whole zone goes by TCP')
    const serial = heldSerial(message)
    if (!isWhole && serial === undefined) return this.#refuse(request, RCODE.FORMERR, 'it does not say which state it has')
    const query = { header: message.header, question, edns: request.edns }
    const begin = () => isWhole || serial === undefined ? wholeZone(this.zone) : changesSince(this.zone, serial)
    if (overTcp) this.#event({ name: 'transferAsked', request, serial: this.zone.serial, messages: this.#signAll(transferMessages(query, begin), signed?.signature) })
    else this.#answerByUdp(request, query, begin())
  }

  /** RFC 1995 §2: what does not fit is answered by the SOA alone. */
  #answerByUdp({ signed, path, limitBytes }: Request, query: TransferQuery, transfer: Transfer): void {
    const room = limitBytes - (signed?.signature.octets ?? 0)
    const bytes = oneMessage(query, transfer, room) ?? oneMessage(query, { records: [this.zone.soa], isTorn: () => false }, limitBytes)
    if (bytes !== undefined) this.outbox.push({ kind: 'send', path, bytes: this.sign(bytes, signed?.signature) })
  }

  *#signAll(messages: Iterator<Uint8Array, TransferEnd>, signature: ResponseSignature | undefined): Generator<Uint8Array, TransferEnd> {
    for (;;) {
      const next = messages.next()
      if (next.done === true) return next.value
      yield this.sign(next.value, signature)
    }
  }

  #refuse(request: Request, rcode: number, why: string): void {
    const { message: { header, questions: [question] }, path } = request
    const what = header.opcode === OPCODE.UPDATE ? 'UPDATE' : header.opcode === OPCODE.NOTIFY ? 'NOTIFY' : formatType(question?.type ?? 0)
    this.#event({ name: 'refused', client: formatEndpoint(path.peer), asked: `${what} ${question?.name ?? ''}`, why })
    this.#reply(request, rcode)
  }

  /** The header's bits but for the response's own are zero in all but queries (RFC 2136 §2.2, RFC 1996 §3.2). */
  #reply({ message: { header, questions }, edns, signed, path }: Request, rcode: number): void {
    const bytes = encodeMessage({
      header: { id: header.id, qr: true, opcode: header.opcode, aa: false, tc: false, rd: header.opcode === OPCODE.QUERY && header.rd, ra: false, ad: false, cd: false, rcode },
      questions, answers: [], authorities: [], additionals: edns === undefined ? [] : [optRecord({ rcode, dnssecOk: edns.dnssecOk })],
    })
    this.outbox.push({ kind: 'send', path, bytes: this.sign(bytes, signed?.signature) })
  }

  #event(event: AuthorityEvent): void {
    this.outbox.push({ kind: 'event', event })
  }
}

function isZone(question: Question | undefined): boolean {
  return question !== undefined && question.class === CLASS.IN && nameKey(question.name) === APEX
}

/** 16 in a TSIG record is BADSIG, not BADVERS (RFC 8945 §3). */
function formatTsigError(error: number): string {
  return error === RCODE.BADSIG ? 'BADSIG' : formatRcode(error)
}
