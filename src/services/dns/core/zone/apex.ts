/**
 * The zone for which this server is authoritative, and the two records that make it a zone: SOA and NS at its apex
 * (RFC 1035 §3.3.13, RFC 1034 §4.2.1). They belong to the zone itself and cannot be registered or unregistered.
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { OctetReader } from '../../wire/octets.ts'
import { EntryReader } from '../../wire/presentation.ts'
import { parseRdata } from '../../wire/rdata.ts'
import { CLASS, TYPE } from '../../wire/types.ts'

export const APEX = 'home'
/** Short, so that clients soon follow when a name moves to another address. */
export const REGISTERED_TTL_SECONDS = 10
/**
 * How long resolvers may cache that a name does not exist (RFC 2308 §4: the SOA's minimum), and so how soon they find a
 * new one.
 */
const NEGATIVE_TTL_SECONDS = 5
/** serial, refresh, retry, expire, minimum: four octets each, at the end of an SOA's data. */
const SOA_NUMBERS_BYTES = 20

/** True for the SOA and NS of the apex, the zone's own records. */
export function isApexOwn({ name, type }: Pick<ResourceRecord, 'name' | 'type'>): boolean {
  return (type === TYPE.SOA || type === TYPE.NS) && nameKey(name) === APEX
}

/**
 * An SOA for a zone without one of its own: private zones and names registered outside the apex (RFC 6303 §3). They are never
 * transferred, so only the minimum matters.
 */
export function soaFor(zone: string): ResourceRecord {
  return { ...plainRecord(zone, TYPE.SOA, `localhost. nobody.invalid. 1 3600 1200 604800 ${NEGATIVE_TTL_SECONDS}`), ttl: NEGATIVE_TTL_SECONDS }
}

/**
 * The default SOA and NS of the apex. A secondary refreshes every hour, retries after ten minutes, and serves its copy for two
 * weeks without contact (RFC 1912 §2.2). The name server is `localhost`, which needs no address record; if there are
 * secondaries, dns.zone should name a real host.
 */
export function apexRecords(serial: number): readonly ResourceRecord[] {
  return [
    { ...plainRecord(APEX, TYPE.SOA, `localhost. hostmaster.${APEX}. ${serial} 3600 600 1209600 ${NEGATIVE_TTL_SECONDS}`), ttl: NEGATIVE_TTL_SECONDS },
    plainRecord(APEX, TYPE.NS, 'localhost.'),
  ]
}

export function serialOf(soa: ResourceRecord): number {
  return new OctetReader(soa.rdata, soa.rdata.length - SOA_NUMBERS_BYTES, soa.rdata.length).uint32()
}

export function withSerial(soa: ResourceRecord, serial: number): ResourceRecord {
  const rdata = soa.rdata.slice()
  new DataView(rdata.buffer, rdata.byteOffset).setUint32(rdata.length - SOA_NUMBERS_BYTES, serial)
  return { ...soa, rdata }
}

/** Serials wrap around: `a` is newer if it is less than half the number space ahead of `b` (RFC 1982 §3.2). */
export function isNewerSerial(a: number, b: number): boolean {
  return a !== b && ((a - b) >>> 0) < 0x80000000
}

/** A record from text, with the default TTL. @throws UsageError if the data does not fit the type */
export function plainRecord(name: string, type: number, rdata: string): ResourceRecord {
  const tokens = new EntryReader(rdata).next()?.tokens ?? []
  return { name, type, class: CLASS.IN, ttl: REGISTERED_TTL_SECONDS, rdata: parseRdata(type, tokens) }
}
