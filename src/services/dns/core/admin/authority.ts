/**
 * Requests that concern the zone as a whole, and who may make them:
 *
 *     UPDATE        any client that signs (tsig.ts); this machine too, if the settings say so
 *     AXFR, IXFR    any client that signs, and the secondaries named in the settings
 *     NOTIFY        no one: this server is not a secondary (RFC 1996 §3.11)
 *
 * A request with an invalid signature gets NOTAUTH, whatever it asks for. Plain queries are not handled here, except that the
 * answer to a signed query is signed.
 */
import { formatEndpoint, type Path } from '../../../kit/endpoint.ts'
import type { Effect } from '../../../kit/machine.ts'
import { optRecord, type Edns } from '../../wire/edns.ts'
import { encodeMessage, type Message, type Question } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { CLASS, formatRcode, formatType, OPCODE, RCODE, TYPE } from '../../wire/types.ts'
import { APEX } from '../zone/apex.ts'
import { ReplayCache } from './replay-cache.ts'
import { changesSince, heldSerial, oneMessage, transferMessages, wholeZone, type Transfer, type TransferEnd, type TransferQuery } from './transfer.ts'
import { isThisMachine } from './this-machine.ts'
import { verifyRequest, type Hmac, type KeyOf, type ResponseSignature, type SignedRequest } from './tsig.ts'
import type { Zone } from '../zone/zone.ts'

export interface AuthorityOptions {
  readonly keyOf: KeyOf
  readonly hmac: Hmac
  /** Reads the time of day, in seconds since 1970. */
  readonly wallSeconds: () => number
  /** Addresses that may transfer the zone without a signature. */
  readonly secondaries: readonly string[]
  /** Whether updates from this machine need no signature. */
  readonly takesLocalUpdates: boolean
}

/** A message other than a plain query, or a query that may be signed. */
export interface Request {
  readonly message: Message
  readonly edns: Edns | undefined
  readonly signed: SignedRequest | undefined
  readonly path: Path
  readonly overTcp: boolean
  /** The maximum length of the answer, including its signature. */
  readonly limitBytes: number
}

export type AuthorityEvent =
  /** To be decided after all earlier changes, and answered with `answerUpdate` once its own change is durable. */
  | { readonly name: 'updateAsked'; readonly request: Request }
  /** To be sent on the connection as fast as the client reads. */
  | { readonly name: 'transferAsked'; readonly request: Request; readonly serial: number; readonly messages: Iterator<Uint8Array, TransferEnd> }
  | { readonly name: 'refused'; readonly client: string; readonly asked: string; readonly why: string }

export class Authority {
  readonly outbox: Effect<AuthorityEvent>[] = []
  readonly #updates: ReplayCache<number>
  private readonly zone: Zone
  private readonly options: AuthorityOptions

  constructor(zone: Zone, options: AuthorityOptions) {
    this.zone = zone
    this.options = options
    this.#updates = new ReplayCache(options.wallSeconds())
  }

  /** Verifies the signature, if there is one. @throws MalformedPacket for a malformed signature */
  verify(bytes: Uint8Array, message: Message): SignedRequest | undefined {
    const { keyOf, hmac, wallSeconds } = this.options
    return verifyRequest(bytes, message, keyOf, hmac, wallSeconds())
  }

  /** Signs an answer if its request was signed. */
  sign(bytes: Uint8Array, signature: ResponseSignature | undefined): Uint8Array {
    return signature === undefined ? bytes : signature.sign(bytes, this.options.wallSeconds())
  }

  /**
   * Handles anything but a plain query.
   * @returns false for a plain query, signed or not, and for a message that no server could answer
   */
  take(request: Request): boolean {
    const { message: { header, questions: [question, second] }, edns, signed } = request
    if (signed !== undefined && signed.error !== RCODE.NOERROR) this.#refuse(request, RCODE.NOTAUTH, `its signature by the key "${signed.keyName}" is ${formatTsigError(signed.error)}`)
    else if (second !== undefined || (edns !== undefined && edns.version !== 0)) return false
    else if (header.opcode === OPCODE.UPDATE) this.#update(request)
    else if (header.opcode === OPCODE.NOTIFY) this.#refuse(request, isZone(question) ? RCODE.REFUSED : RCODE.NOTAUTH, 'this server is not a secondary')
    else if (header.opcode === OPCODE.QUERY && (question?.type === TYPE.AXFR || question?.type === TYPE.IXFR)) this.#transfer(request, question)
    else return false
    return true
  }

  /** @param rcode the result of `decideUpdate`, once the change is durable; SERVFAIL if it could not be written to disk */
  answerUpdate(request: Request, rcode: number): void {
    const { signed } = request
    if (signed !== undefined) this.#updates.answered(signed.mac, signed.signedAtSeconds, rcode)
    this.#reply(request, rcode)
  }

  #update(request: Request): void {
    const { signed, path: { local, peer }, overTcp } = request
    if (signed === undefined) {
      // A client on this machine that queries one of the machine's addresses gets the same address as its source.
      if (this.options.takesLocalUpdates && isThisMachine(peer.address, [local.address], overTcp)) return this.#event({ name: 'updateAsked', request })
      return this.#refuse(request, RCODE.REFUSED, 'it is not signed')
    }
    const replay = this.#updates.check(signed.mac, signed.signedAtSeconds, this.options.wallSeconds())
    switch (replay.kind) {
      case 'new': return this.#event({ name: 'updateAsked', request })
      case 'done': return this.#reply(request, replay.answer)
      case 'too-old': return this.#refuse(request, RCODE.REFUSED, 'it was signed before the server was started, or too many were signed since')
      case 'pending': return
    }
  }

  #transfer(request: Request, question: Question): void {
    const { message, signed, path, overTcp } = request
    if (signed === undefined && !this.options.secondaries.includes(path.peer.address)) return this.#refuse(request, RCODE.REFUSED, 'it is not signed, and its sender is not a --secondary')
    if (!isZone(question)) return this.#refuse(request, RCODE.NOTAUTH, `only ${APEX} can be transferred`)
    if (this.zone.isPartial) return this.#refuse(request, RCODE.SERVFAIL, 'names are missing: dns.zone cannot be read')
    const isWhole = question.type === TYPE.AXFR
    if (isWhole && !overTcp) return this.#refuse(request, RCODE.FORMERR, 'AXFR requires TCP')
    const serial = heldSerial(message)
    if (!isWhole && serial === undefined) return this.#refuse(request, RCODE.FORMERR, 'it has no SOA to say which state the client has')
    const query = { header: message.header, question, edns: request.edns }
    const begin = () => isWhole || serial === undefined ? wholeZone(this.zone) : changesSince(this.zone, serial)
    if (overTcp) this.#event({ name: 'transferAsked', request, serial: this.zone.serial, messages: this.#signAll(transferMessages(query, begin), signed?.signature) })
    else this.#answerByUdp(request, query, begin())
  }

  /** RFC 1995 §2: if the transfer does not fit, the answer is just the SOA. */
  #answerByUdp({ signed, path, limitBytes }: Request, query: TransferQuery, transfer: Transfer): void {
    const limitUnsigned = limitBytes - (signed?.signature.octets ?? 0)
    const bytes = oneMessage(query, transfer, limitUnsigned) ?? oneMessage(query, { records: [this.zone.soa], isTorn: () => false }, limitBytes)
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

  /** Except in answers to queries, the header bits other than QR and the rcode are zero (RFC 2136 §2.2, RFC 1996 §3.2). */
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

/** In a TSIG record, 16 means BADSIG, not BADVERS (RFC 8945 §3). */
function formatTsigError(error: number): string {
  return error === RCODE.BADSIG ? 'BADSIG' : formatRcode(error)
}
