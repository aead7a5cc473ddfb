/** Trace records as the list and the details show them, each decoded once, when it is first drawn. */
import { dissectMessage as dissectDhcp } from '../../services/dhcp/wire/dissect.ts'
import { meaningsOf as meaningsInDhcp } from '../../services/dhcp/wire/meanings.ts'
import { dissectMessage as dissectDns } from '../../services/dns/wire/dissect.ts'
import { meaningsOf as meaningsInDns } from '../../services/dns/wire/meanings.ts'
import { parseEndpoint, type Endpoint } from '../../services/kit/endpoint.ts'
import type { Dissection, Field, Meaning } from '../../services/kit/dissection.ts'
import type { Protocol } from '../../services/kit/trace.ts'
import { dissectPacket as dissectRudp } from '../../services/rudp/wire/dissect.ts'
import { meaningsOf as meaningsInRudp } from '../../services/rudp/wire/meanings.ts'
import type { TraceRecord } from './store.ts'

/** A protocol is shown by name, mark and color, never by color alone. */
export const PROTOCOL_NAMES: Readonly<Record<Protocol, string>> = { dns: 'DNS', dhcp: 'DHCP', rudp: 'RUDP', http: 'HTTP', admin: 'Admin' }
export const PROTOCOL_MARKS: Readonly<Record<Protocol, string>> = { dns: '●', dhcp: '▲', rudp: '◆', http: '■', admin: '○' }

const known = new WeakMap<TraceRecord, Dissection>()

export function dissectionOf(record: TraceRecord): Dissection {
  const dissection = known.get(record) ?? dissected(record)
  known.set(record, dissection)
  return dissection
}

function dissected({ kind, protocol, bytes, wholeBytes }: TraceRecord): Dissection {
  if (kind === 'event') return event(bytes)
  switch (protocol) {
    case 'dns': return dissectDns(bytes, wholeBytes)
    case 'dhcp': return dissectDhcp(bytes, wholeBytes)
    case 'rudp': return dissectRudp(bytes, wholeBytes)
    case 'admin': case 'http': {
      const text = new TextDecoder().decode(bytes).trimEnd()
      return { summary: text, fields: [{ name: 'line', value: text, from: 0, to: bytes.length }] }
    }
  }
}

/** What a packet's field means. Events and lines of text are self-explanatory. */
export function meaningsOf({ kind, protocol }: TraceRecord, field: Field): readonly Meaning[] {
  if (kind === 'event') return []
  switch (protocol) {
    case 'dns': return meaningsInDns(field)
    case 'dhcp': return meaningsInDhcp(field)
    case 'rudp': return meaningsInRudp(field)
    case 'admin': case 'http': return []
  }
}

/** An event is JSON in the trace; a truncated one is shown as it is. */
function event(bytes: Uint8Array): Dissection {
  const text = new TextDecoder().decode(bytes)
  const fields = entriesOf(text).map(([name, value]): Field => ({ name, value: typeof value === 'string' ? value : JSON.stringify(value), from: 0, to: 0 }))
  return { summary: fields.length === 0 ? text : fields.map(({ name, value }) => `${name} ${value}`).join(', '), fields }
}

function entriesOf(text: string): [string, unknown][] {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? Object.entries(parsed) : []
  } catch {
    return []
  }
}

/** A packet's source and destination; undefined for records without a path. The path is `local > peer % interface`. */
export function endpointsOf({ path, direction }: TraceRecord): { readonly from: Endpoint; readonly to: Endpoint } | undefined {
  const [local, peer] = (path.split(' % ')[0] ?? '').split(' > ')
  if (local === undefined || peer === undefined) return undefined
  const [here, there] = [parseEndpoint(local, 0), parseEndpoint(peer, 0)]
  return direction === 'in' ? { from: there, to: here } : { from: here, to: there }
}

/** The fields that contain a byte, outermost first. */
export function fieldsAt(fields: readonly Field[], at: number): readonly Field[] {
  const field = fields.find(({ from, to }) => from <= at && at < to)
  return field === undefined ? [] : [field, ...fieldsAt(field.fields ?? [], at)]
}

/** `1.234`: seconds since the first record shown. */
export function secondsText(atMs: number, startMs: number): string {
  return ((atMs - startMs) / 1000).toFixed(3)
}

/** A row in words, for screen readers. */
export function sentenceOf(record: TraceRecord, startMs: number): string {
  const peer = record.path.split(' > ')[1] ?? ''
  const peerText = record.direction === 'none' ? '' : record.direction === 'in' ? `from ${peer}, ` : `to ${peer}, `
  return `${secondsText(record.atMs, startMs)} s, ${PROTOCOL_NAMES[record.protocol]}, ${peerText}${dissectionOf(record).summary}`
}
