/**
 * The aliases between the name that a client asks for and the one that is looked for now. They come from the zone, or from an
 * upstream that did not follow its own, as servers of one zone alone do:
 *
 *     www.home  ─ zone ─→  www.corp.example  ─ its server ─→  x.cdn.example  ─ another server ─→  203.0.113.1
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { TYPE } from '../../wire/types.ts'
import { targetOf } from '../forwarding/finding.ts'

/** Nobody means a longer chain. */
const ALIASES_MAX = 8

export class AliasChain {
  /** CNAMEs, with the DNAMEs that they were made of and with their signatures. */
  records: readonly ResourceRecord[] = []
  /** The name that is looked for now. */
  end: string
  /** Its first record stands in the zone. */
  isAuthoritative = false
  /** Until when the answer that begins with it may be given again; Infinity: until the zone changes. */
  holdsUntilMs = Infinity
  /** A name whose alias an upstream told and that may have no address of the network at hand (rebinding.ts): nor may the end then. */
  publicName: string | undefined

  constructor(qname: string) {
    this.end = qname
  }

  /** Goes on where the last of some aliases leads. @returns false for a chain that is too long, as a ring is */
  follow(aliases: readonly ResourceRecord[], from: 'zone' | 'upstream'): boolean {
    if (this.records.length === 0) this.isAuthoritative = from === 'zone'
    this.records = [...this.records, ...aliases]
    const followed = this.records.filter(({ type }) => type === TYPE.CNAME)
    const last = followed.at(-1)
    if (last !== undefined) this.end = targetOf(last)
    return followed.length <= ALIASES_MAX
  }
}
