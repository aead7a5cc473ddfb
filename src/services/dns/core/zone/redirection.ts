/**
 * DNAME (RFC 6672): whatever lies below one name is an alias for what lies below another. `old.home DNAME new.home.` makes
 * `www.old.home CNAME www.new.home.`, and says nothing of `old.home` itself. And what cannot stand beside such a record.
 */
import { targetOf } from '../forwarding/finding.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { NAME_OCTETS_MAX, octetsOf, ROOT } from '../../wire/name.ts'
import { TYPE } from '../../wire/types.ts'
import { plainRecord } from './apex.ts'

/**
 * True for two types that a name cannot both have: CNAME and any other (RFC 1034 §3.6.2), DNAME and the NS of a delegation
 * (RFC 6672 §2.3), each of which would say where the names below are.
 * @param isApex the name is the zone's own, whose NS are no delegation
 */
export function standApart(one: number, other: number, isApex: boolean): boolean {
  if (one === other) return false
  if (one === TYPE.CNAME || other === TYPE.CNAME) return true
  return !isApex && ((one === TYPE.NS && other === TYPE.DNAME) || (one === TYPE.DNAME && other === TYPE.NS))
}

/** The CNAME that a DNAME makes for a name below its owner (§3.1); undefined where that would lead to more than a name can be. */
export function aliasFrom(dname: ResourceRecord, qname: string): ResourceRecord | undefined {
  const labels = qname.slice(0, -dname.name.length - 1)
  const end = targetOf(dname)
  const target = end === ROOT ? labels : `${labels}.${end}`
  return octetsOf(target) > NAME_OCTETS_MAX ? undefined : { ...plainRecord(qname, TYPE.CNAME, `${target}.`), ttl: dname.ttl }
}
