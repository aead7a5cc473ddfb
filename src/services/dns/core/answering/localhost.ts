/**
 * `localhost`, and every name below it, is the machine that asks (RFC 6761 §6.3). It is answered here: an upstream could say otherwise,
 * and what programs keep to the machine itself would go to a stranger.
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { isWithin } from '../../wire/name.ts'
import { TYPE } from '../../wire/types.ts'
import { plainRecord } from '../zone/apex.ts'

/** All that such a name has of a type; undefined for another name. */
export function localhostRecords(qname: string, type: number): readonly ResourceRecord[] | undefined {
  if (!isWithin(qname, 'localhost')) return undefined
  switch (type) {
    case TYPE.A: return [plainRecord(qname, TYPE.A, '127.0.0.1')]
    case TYPE.AAAA: return [plainRecord(qname, TYPE.AAAA, '::1')]
    default: return []
  }
}
