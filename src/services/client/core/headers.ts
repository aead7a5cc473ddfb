/** Which header fields a proxy hands on (RFC 9110 §7.6). Fields keep their spelling, order and repetitions. */
import { PROBE_HEADER } from '../../kit/probe-header.ts'
import { FRAME_HEADER, TRANSPORT_HEADER } from '../contract.ts'

/** One field: its name as it was spelled, and its values, one a line. */
export type HeaderField = readonly [name: string, values: readonly string[]]

/** Says on a page of the gateway's own why it is no page of the server's. Never taken from a server. */
export const ERROR_HEADER = 'x-hamlet-error'

/** About one connection, not the message (RFC 9110 §7.6.1); what Connection names comes on top. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'te', 'trailer', 'upgrade'])
/** Where the message ends and who shall have it is the gateway's to say; whoever could drop these could hide a second message in a body. */
const MADE_ANEW = new Set(['content-length', 'host', 'transfer-encoding'])
const OURS = new Set([TRANSPORT_HEADER, FRAME_HEADER, ERROR_HEADER, PROBE_HEADER])

/**
 * The fields of a request as the server shall see them. Host says what the request line said, whatever it said itself
 * (RFC 9112 §3.2.2); a body of unknown length stays one, so that its end cannot be mistaken. Expect means nothing in HTTP/1.0, which
 * could not be told of what is expected (RFC 9110 §10.1.1).
 * @param rawHeaders names and values in turn
 * @param httpVersion in which they came, such as `1.1`
 */
export function requestFields(rawHeaders: readonly string[], httpVersion: string, host: string): HeaderField[] {
  const fields = endToEnd(rawHeaders).filter(([name]) => httpVersion !== '1.0' || name.toLowerCase() !== 'expect')
  const isChunked = valuesOf(rawHeaders, 'transfer-encoding').length > 0
  return [['Host', [host]], ...withVia(fields, httpVersion), ...(isChunked ? [['Transfer-Encoding', ['chunked']] as const] : length(rawHeaders))]
}

/** The fields of a response as the browser shall see them. One without a length gets its frame where it is written. */
export function responseFields(rawHeaders: readonly string[], httpVersion: string, status: number): HeaderField[] {
  return [...withVia(endToEnd(rawHeaders), httpVersion), ...(hasNoLength(status) ? [] : length(rawHeaders))]
}

/** Whatever its server says: RFC 9110 §8.6. */
const hasNoLength = (status: number) => status === 204 || status < 200

/** Content-Length, once, where nothing overrides it (RFC 9112 §6.3). */
function length(rawHeaders: readonly string[]): HeaderField[] {
  const [bytes] = valuesOf(rawHeaders, 'transfer-encoding').length > 0 ? [] : valuesOf(rawHeaders, 'content-length')
  return bytes === undefined ? [] : [['Content-Length', [bytes]]]
}

/** The values of a field, one a line. */
export function valuesOf(rawHeaders: readonly string[], wanted: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === wanted)
}

/** True for a request that will show as a page of its own: by what the tab says, by Fetch Metadata, else by what it accepts. */
export function loadsDocument(rawHeaders: readonly string[]): boolean {
  if (valuesOf(rawHeaders, FRAME_HEADER).length > 0) return false
  const destination = valuesOf(rawHeaders, 'sec-fetch-dest')[0]
  return destination === undefined ? valuesOf(rawHeaders, 'accept').some(accept => accept.includes('text/html')) : destination === 'document'
}

function endToEnd(rawHeaders: readonly string[]): HeaderField[] {
  const named = new Set(valuesOf(rawHeaders, 'connection').flatMap(value => value.split(',').map(option => option.trim().toLowerCase())))
  const fields = new Map<string, { name: string; values: string[] }>()
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    const key = name.toLowerCase()
    if (HOP_BY_HOP.has(key) || MADE_ANEW.has(key) || OURS.has(key) || named.has(key) || key.startsWith('proxy-')) continue
    const field = fields.get(key) ?? { name, values: [] }
    field.values.push(rawHeaders[index + 1] ?? '')
    fields.set(key, field)
  }
  return [...fields.values()].map(({ name, values }) => [name, values])
}

/** RFC 9110 §7.6.3: a proxy adds itself to Via, after those who were there before, with the version in which it got the message. */
function withVia(fields: readonly HeaderField[], httpVersion: string): HeaderField[] {
  const before = fields.find(([name]) => name.toLowerCase() === 'via')?.[1] ?? []
  return [...fields.filter(([name]) => name.toLowerCase() !== 'via'), ['Via', [[...before, `${httpVersion} hamlet`].join(', ')]]]
}
