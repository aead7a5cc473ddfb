/**
 * The zone that this server is the authority for, and the two records that make it one: SOA and NS of its apex (RFC 1035 §3.3.13,
 * RFC 1034 §4.2.1). They belong to the zone itself: nobody registers them, and they go with the zone alone.
 */
import type { ResourceRecord } from '../../wire/message.ts'
import { nameKey } from '../../wire/name.ts'
import { OctetReader } from '../../wire/octets.ts'
import { EntryReader } from '../../wire/presentation.ts'
import { parseRdata } from '../../wire/rdata.ts'
import { CLASS, TYPE } from '../../wire/types.ts'

export const APEX = 'home'
/** Short, so that a name that moves is found at its new place soon. */
export const REGISTERED_TTL_SECONDS = 10
/** How long others may remember that a name is not registered (RFC 2308 §4: the SOA's minimum). A new name is found that soon. */
const NEGATIVE_TTL_SECONDS = 5
/** serial, refresh, retry, expire, minimum: four octets each at the end of an SOA's data. */
const SOA_NUMBERS_BYTES = 20

export function isApexOwn({ name, type }: Pick<ResourceRecord, 'name' | 'type'>): boolean {
  return (type === TYPE.SOA || type === TYPE.NS) && nameKey(name) === APEX
}

/**
 * The SOA of a zone that has none of its own: private zones, and names registered outside the apex (RFC 6303 §3). Nobody
 * transfers those, so only its minimum counts.
 */
export function soaFor(zone: string): ResourceRecord {
  return { ...plainRecord(zone, TYPE.SOA, `localhost. nobody.invalid. 1 3600 1200 604800 ${NEGATIVE_TTL_SECONDS}`), ttl: NEGATIVE_TTL_SECONDS }
}

/**
 * SOA and NS of the apex where no file says otherwise. A secondary asks each hour, again after ten minutes where that fails, and
 * serves what it has for two weeks (RFC 1912 §2.2). The server's name is `localhost`, which needs no address record; a zone with
 * secondaries names a host of its own in dns.zone.
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

/** Serials count round: `a` is newer where it lies less than half the circle ahead (RFC 1982 §3.2). */
export function isNewerSerial(a: number, b: number): boolean {
  return a !== b && ((a - b) >>> 0) < 0x80000000
}

/** @throws UsageError where the data does not fit the type */
export function plainRecord(name: string, type: number, rdata: string): ResourceRecord {
  const tokens = new EntryReader(rdata).next()?.tokens ?? []
  return { name, type, class: CLASS.IN, ttl: REGISTERED_TTL_SECONDS, rdata: parseRdata(type, tokens) }
}
