/**
 * Writes dns.zone, a zone file (RFC 1035 §5) that people can read and edit and other servers can load. Names outside the apex
 * come last and are absolute (docs/decisions/zone-file.md says how other servers treat them).
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { isWithin, nameKey, ROOT } from '../../wire/name.ts'
import { formatRdata } from '../../wire/rdata.ts'
import { formatType } from '../../wire/types.ts'
import { APEX, REGISTERED_TTL_SECONDS } from './apex.ts'
import type { Zone } from './zone.ts'

/**
 * The lines of the file, each with its newline: SOA and NS first, then the names below the apex, relative to it, then the others,
 * absolute. A skipped record yields an empty string, so that the consumer gets control regularly and can pause anywhere.
 */
export function* formatZone(zone: Pick<Zone, 'records' | 'recordsOf'>): Generator<string> {
  yield '; Names registered with this DNS server (RFC 1035 master file).\n'
  yield '; You may edit this file, even while the server runs: it is reread within seconds. Comments are lost when a name is registered.\n'
  yield `$ORIGIN ${APEX}.\n$TTL ${REGISTERED_TTL_SECONDS}\n`
  const outside = new Set<string>()
  for (const record of zone.records()) {
    const isInside = isWithin(record.name, APEX)
    if (!isInside) outside.add(record.name)
    yield isInside ? formatRecord(record) : ''
  }
  if (outside.size === 0) return
  yield `; Names outside ${APEX}.\n`
  for (const name of outside) for (const record of zone.recordsOf(name)) yield formatRecord(record)
}

function formatRecord(record: ResourceRecord): string {
  const ttl = record.ttl === REGISTERED_TTL_SECONDS ? '' : `${record.ttl} `
  return `${relativeName(record.name).padEnd(23)} ${ttl}IN ${formatType(record.type).padEnd(5)} ${formatRdata(record.type, record.rdata)}\n`
}

function relativeName(name: string): string {
  if (nameKey(name) === APEX) return '@'
  if (!isWithin(name, APEX)) return name === ROOT ? name : `${name}.`
  return name.slice(0, -APEX.length - 1)
}
