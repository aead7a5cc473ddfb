/** Takes a DHCP message apart, field by field (kit/dissection.ts). header.ts and options.ts draw the layout. */
import { dissect, hexBytes, hexNumber, type Dissection, type Field } from '../../kit/dissection.ts'
import { MalformedPacket } from '../../kit/errors.ts'
import { formatIpv4 } from '../../kit/ip-address.ts'
import { uint16At, uint32At } from './big-endian.ts'
import { FQDN_FLAGS } from './domain-names.ts'
import { formatMac } from './hardware-address.ts'
import { AT, decodeHeader, ETHERNET, hasOptions, OP, type Header } from './header.ts'
import { decodeMessage, MESSAGE_TYPE, type Message } from './message.ts'
import { address, addresses, codes } from './option-values.ts'
import { CARRIES_OPTIONS, END, OPTIONS, OVERLOAD, PAD } from './options.ts'

const OPTION_OF = new Map<number, { readonly title: string; readonly codec: (typeof OPTIONS)[keyof typeof OPTIONS]['codec'] }>(
  Object.entries(OPTIONS).map(([name, { code, codec }]) => [code, { title: name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`), codec }]),
)

/** Never throws, whatever the bytes. */
export function dissectMessage(bytes: Uint8Array, wholeBytes = bytes.length): Dissection {
  return dissect(bytes, wholeBytes, fields => {
    const header = decodeHeader(bytes)
    fields.push(...headerFields(bytes, header))
    const overload = overloadOf(bytes)
    for (const [name, from, to] of [['sname', AT.sname, AT.file], ['file', AT.file, AT.magic]] as const) {
      const carriesOptions = (overload & CARRIES_OPTIONS[name]) !== 0
      fields.push(carriesOptions ? { name, value: 'options', from, to, fields: optionFields(bytes, from, to) } : { name, value: header[name] === '' ? 'empty' : JSON.stringify(header[name]), from, to })
    }
    if (!hasOptions(bytes)) {
      if (bytes.length > AT.magic) fields.push({ name: 'vend', value: 'no options', from: AT.magic, to: bytes.length })
      return summaryOf(decodeMessage(bytes))
    }
    fields.push({ name: 'magic', value: 'DHCP options follow (RFC 2131 §3)', from: AT.magic, to: AT.options })
    addOptions(bytes, AT.options, bytes.length, fields)
    return summaryOf(decodeMessage(bytes))
  })
}

function headerFields(bytes: Uint8Array, { op, htype, hops, xid, secs, broadcast, ciaddr, yiaddr, siaddr, giaddr, chaddr }: Header): Field[] {
  return [
    { name: 'op', value: op === OP.request ? '1, a request' : '2, a reply', from: AT.op, to: AT.htype },
    { name: 'htype', value: htype === ETHERNET ? '1, Ethernet' : String(htype), from: AT.htype, to: AT.hlen },
    { name: 'hlen', value: `${chaddr.length} bytes`, from: AT.hlen, to: AT.hops },
    { name: 'hops', value: String(hops), from: AT.hops, to: AT.xid },
    { name: 'xid', value: hexNumber(xid, 8), from: AT.xid, to: AT.secs },
    { name: 'secs', value: `${secs} s`, from: AT.secs, to: AT.flags },
    { name: 'flags', value: broadcast ? 'broadcast the reply' : hexNumber(uint16At(bytes, AT.flags), 4), from: AT.flags, to: AT.ciaddr },
    addressField('ciaddr', ciaddr, AT.ciaddr, 'the client has none yet'), addressField('yiaddr', yiaddr, AT.yiaddr, 'none assigned'),
    addressField('siaddr', siaddr, AT.siaddr, 'no next server'), addressField('giaddr', giaddr, AT.giaddr, 'no relay'),
    { name: 'chaddr', value: formatMac(chaddr), from: AT.chaddr, to: AT.sname },
  ]
}

function addressField(name: string, value: number, from: number, none: string): Field {
  return { name, value: value === 0 ? `0.0.0.0, ${none}` : formatIpv4(value), from, to: from + 4 }
}

/** The bits of option 52 in the main options, or 0. */
function overloadOf(bytes: Uint8Array): number {
  for (let at: number = AT.options; at + 2 < bytes.length && bytes[at] !== END; at += bytes[at] === PAD ? 1 : 2 + (bytes[at + 1] ?? 0)) {
    if (bytes[at] === OVERLOAD) return bytes[at + 2] ?? 0
  }
  return 0
}

function optionFields(bytes: Uint8Array, from: number, to: number): Field[] {
  const fields: Field[] = []
  addOptions(bytes, from, to, fields)
  return fields
}

/** Shows a split value (RFC 3396) as its parts, as it is in the message. */
function addOptions(bytes: Uint8Array, from: number, to: number, fields: Field[]): void {
  for (let at = from; at < to;) {
    const code = bytes[at] ?? END
    if (code === END) {
      fields.push({ name: 'option 255', value: 'end', from: at, to: at + 1 })
      if (at + 1 < to) fields.push({ name: 'padding', value: `${to - at - 1} bytes`, from: at + 1, to })
      return
    }
    if (code === PAD) {
      let end = at
      while (end < to && bytes[end] === PAD) end++
      fields.push({ name: 'padding', value: `${end - at} bytes`, from: at, to: end })
      at = end
      continue
    }
    const end = at + 2 + (bytes[at + 1] ?? 0)
    if (at + 1 >= to || end > to) throw new MalformedPacket(at, 'RFC 2132 §2', `option ${code} extends past the end of its field`)
    fields.push({ name: titleOf(code), value: formatValue(code, bytes.subarray(at + 2, end)), from: at, to: end })
    at = end
  }
}

/** `option 53 message type` */
function titleOf(code: number): string {
  const title = code === OVERLOAD ? 'overload' : OPTION_OF.get(code)?.title
  return title === undefined ? `option ${code}` : `option ${code} ${title}`
}

function formatValue(code: number, bytes: Uint8Array): string {
  const codec = OPTION_OF.get(code)?.codec
  const value = codec?.decode(bytes)
  if (value === undefined || value instanceof Uint8Array) return hexBytes(bytes)
  if (code === OPTIONS.messageType.code) return messageTypeName(bytes[0])
  if (codec === address) return formatIpv4(uint32At(bytes, 0))
  if (codec === addresses) return Array.from({ length: bytes.length / 4 }, (_, index) => formatIpv4(uint32At(bytes, 4 * index))).join(', ')
  if (codec === codes) return Array.from(bytes, one => OPTION_OF.get(one)?.title ?? `option ${one}`).join(', ')
  if (value === true) return 'yes'
  if (typeof value === 'number') return SECONDS.has(code) ? `${value} s` : String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if ('flags' in value) return `${value.name}${Object.entries(FQDN_FLAGS).map(([letter, bit]) => (value.flags & bit) === 0 ? '' : ` ${letter}`).join('')}`
  return value.map(one => typeof one === 'object' ? `${formatIpv4(one.destination.network)}/${one.destination.prefixBits} via ${formatIpv4(one.router)}` : String(one)).join(', ')
}

const SECONDS: ReadonlySet<number> = new Set([OPTIONS.leaseSeconds, OPTIONS.renewalSeconds, OPTIONS.rebindingSeconds].map(({ code }) => code))

/** One line: `OFFER 10.0.0.100 to 02:00:5e:00:00:01 from 10.0.0.1 for 3600 s (xid 3903f326)` */
function summaryOf(message: Message): string {
  const { options } = message
  const parts: [string, string | undefined][] = [
    ['', messageTypeName(options.messageType)],
    ['', message.yiaddr === 0 ? undefined : formatIpv4(message.yiaddr)],
    ['to ', message.op === OP.reply ? formatMac(message.chaddr) : undefined],
    ['by ', message.op === OP.request ? formatMac(message.chaddr) : undefined],
    ['', options.hostName === undefined ? undefined : JSON.stringify(options.hostName)],
    ['requests ', addressText(options.requestedAddress)],
    ['has ', message.ciaddr === 0 ? undefined : formatIpv4(message.ciaddr)],
    [message.op === OP.reply ? 'from ' : 'server ', addressText(options.serverIdentifier)],
    ['for ', options.leaseSeconds === undefined ? undefined : `${options.leaseSeconds} s`],
    ['', options.message === undefined ? undefined : JSON.stringify(options.message)],
    ['via relay ', message.giaddr === 0 ? undefined : formatIpv4(message.giaddr)],
    ['', `(xid ${message.xid.toString(16).padStart(8, '0')})`],
  ]
  return parts.filter(([, value]) => value !== undefined).map(([word, value]) => word + value).join(' ')
}

/** `DISCOVER`. A message without a type is BOOTP (RFC 951). */
function messageTypeName(messageType: number | undefined): string {
  if (messageType === undefined) return 'BOOTP'
  return Object.entries(MESSAGE_TYPE).find(([, value]) => value === messageType)?.[0] ?? `type ${messageType}`
}

function addressText(value: number | undefined): string | undefined {
  return value === undefined ? undefined : formatIpv4(value)
}
