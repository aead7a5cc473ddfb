/**
 * `localhost`, and every name below it, is the machine that asks (RFC 6761 §6.3). It is answered here: an upstream could say otherwise,
 * and what programs keep to the machine itself would go to a stranger.
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey } from '../../wire/name.ts'
import { TYPE } from '../../wire/types.ts'
import { plainRecord } from '../zone/apex.ts'

/** Its addresses lead back to it (RFC 1912 §4.1), unless they are registered for another name. */
const REVERSE_NAMES: readonly string[] = ['1.0.0.127.in-addr.arpa', `1.${'0.'.repeat(31)}ip6.arpa`]

/** All that such a name has of a type, or one of its addresses as a name; undefined for another name. */
export function localhostRecords(qname: string, type: number): readonly ResourceRecord[] | undefined {
  if (REVERSE_NAMES.includes(nameKey(qname))) return type === TYPE.PTR ? [plainRecord(qname, TYPE.PTR, 'localhost.')] : []
  if (!isWithin(qname, 'localhost')) return undefined
  switch (type) {
    case TYPE.A: return [plainRecord(qname, TYPE.A, '127.0.0.1')]
    case TYPE.AAAA: return [plainRecord(qname, TYPE.AAAA, '::1')]
    default: return []
  }
}
