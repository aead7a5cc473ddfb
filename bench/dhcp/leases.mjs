/**
 * Writes lease files in each server's own format, so that it starts with many leases. All expire in an hour, and start
 * at the pool's first address.
 */
import { writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'

export const LEASE_SECONDS = 3600

/** The client with the first lease; the addresses of the others count up from it. */
export const LEASED_FIRST_MAC = '06:00:00:00:00:00'
const macOf = index => [6, 0, index >>> 24, index >>> 16, index >>> 8, index].map(byte => (byte & 255).toString(16).padStart(2, '0'))

const endsAtSeconds = () => Math.floor(Date.now() / 1000) + LEASE_SECONDS

const numbered = (count, lineOf) => Array.from({ length: count }, (_, index) => lineOf(index))

/** In the format of kit/node/journal-lines.ts. */
export function writeHamletLeases(file, first, count) {
  const expiresAtMs = endsAtSeconds() * 1000
  const records = numbered(count, index => {
    const mac = macOf(index)
    return { yiaddr: addressAt(first, index), state: 'leased', key: `01${mac.join('')}`, mac: mac.join(':'), hostName: `host-${index}`, expiresAtMs: expiresAtMs + index }
  })
  writeFileSync(file, [{ v: 1, created: new Date().toISOString() }, ...records].map((value, number) => {
    const content = `${number} ${JSON.stringify(value)}`
    return `${content} ${crc32(content).toString(16).padStart(8, '0')}\n`
  }).join(''))
}

/** Kea's memfile CSV. Kea also accepts an older schema than its own. */
export function writeKeaLeases(file, first, count) {
  const expire = endsAtSeconds()
  const lines = numbered(count, index => `${addressAt(first, index)},${macOf(index).join(':')},,${LEASE_SECONDS},${expire},1,0,0,host-${index},0,`)
  writeFileSync(file, `${['address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context', ...lines].join('\n')}\n`)
}

export function writeDnsmasqLeases(file, first, count) {
  const expire = endsAtSeconds()
  writeFileSync(file, numbered(count, index => `${expire} ${macOf(index).join(':')} ${addressAt(first, index)} host-${index} *\n`).join(''))
}

/** `10.0.0.255` and 1 → `10.0.1.0` */
export function addressAt(first, index) {
  const address = first.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0) + index
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.')
}
