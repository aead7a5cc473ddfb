/**
 * DNAME (RFC 6672): every name below one name is an alias for the corresponding name below another. From
 * `old.home DNAME new.home.` follows `www.old.home CNAME www.new.home.`; `old.home` itself is not an alias. Also here: which
 * types of records are incompatible.
 */
import { targetOf } from '../forwarding/finding.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { NAME_OCTETS_MAX, octetsOf, ROOT } from '../../wire/name.ts'
import { TYPE } from '../../wire/types.ts'
import { plainRecord } from './apex.ts'

/**
 * True for two types that one name cannot have at once: CNAME and any other (RFC 1034 §3.6.2), or DNAME and the NS of a
 * delegation (RFC 6672 §2.3), since each would determine the names below.
 * @param isApex the name is the apex, whose NS records are not a delegation
 */
export function areIncompatible(one: number, other: number, isApex: boolean): boolean {
  if (one === other) return false
  if (one === TYPE.CNAME || other === TYPE.CNAME) return true
  return !isApex && ((one === TYPE.NS && other === TYPE.DNAME) || (one === TYPE.DNAME && other === TYPE.NS))
}

/**
 * The CNAME synthesized from a DNAME for a name below its owner (§3.1); undefined if its target would exceed the length
 * of a name.
 */
export function aliasFrom(dname: ResourceRecord, qname: string): ResourceRecord | undefined {
  const labels = qname.slice(0, -dname.name.length - 1)
  const end = targetOf(dname)
  const target = end === ROOT ? labels : `${labels}.${end}`
  return octetsOf(target) > NAME_OCTETS_MAX ? undefined : { ...plainRecord(qname, TYPE.CNAME, `${target}.`), ttl: dname.ttl }
}
