/**
 * `localhost` and every name below it is the client's own machine (RFC 6761 §6.3). It is answered here: an upstream could say
 * otherwise, and traffic meant to stay on the machine would go to a stranger.
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey } from '../../wire/name.ts'
import { TYPE } from '../../wire/types.ts'
import { plainRecord } from '../zone/apex.ts'

/** The loopback addresses map back to it (RFC 1912 §4.1), unless they are registered for another name. */
const REVERSE_NAMES: readonly string[] = ['1.0.0.127.in-addr.arpa', `1.${'0.'.repeat(31)}ip6.arpa`]

/** The records of such a type at `localhost`, a name below it, or a loopback reverse name; undefined for any other name. */
export function localhostRecords(qname: string, type: number): readonly ResourceRecord[] | undefined {
  if (REVERSE_NAMES.includes(nameKey(qname))) return type === TYPE.PTR ? [plainRecord(qname, TYPE.PTR, 'localhost.')] : []
  if (!isWithin(qname, 'localhost')) return undefined
  switch (type) {
    case TYPE.A: return [plainRecord(qname, TYPE.A, '127.0.0.1')]
    case TYPE.AAAA: return [plainRecord(qname, TYPE.AAAA, '::1')]
    default: return []
  }
}
