/**
 * The chain of aliases from the name in the question to the name being looked up now. Aliases come from the zone, or from an
 * upstream that does not follow them, as an authoritative server does not outside its zones:
 *
 *     www.home  ─ zone ─→  www.corp.example  ─ its server ─→  x.cdn.example  ─ another server ─→  203.0.113.1
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { TYPE } from '../../wire/types.ts'
import { targetOf } from '../forwarding/finding.ts'

/** No sensible chain is longer. */
const ALIASES_MAX = 8

export class AliasChain {
  /** The CNAMEs, with the DNAMEs they were synthesized from and with signatures. */
  records: readonly ResourceRecord[] = []
  /** The name being looked up now. */
  end: string
  /** The first alias comes from the zone. */
  isAuthoritative = false
  /** Until when an answer with this chain may be reused; Infinity: until the zone changes. */
  holdsUntilMs = Infinity
  /**
   * A public name in the chain, which must not have a private address
   * (rebinding.ts): neither may the end of the chain then.
   */
  publicName: string | undefined

  constructor(qname: string) {
    this.end = qname
  }

  /** Appends aliases and moves on to the target of the last. @returns false if the chain is too long, as a loop is */
  follow(aliases: readonly ResourceRecord[], from: 'zone' | 'upstream'): boolean {
    if (this.records.length === 0) this.isAuthoritative = from === 'zone'
    this.records = [...this.records, ...aliases]
    const followed = this.records.filter(({ type }) => type === TYPE.CNAME)
    const last = followed.at(-1)
    if (last !== undefined) this.end = targetOf(last)
    return followed.length <= ALIASES_MAX
  }
}
