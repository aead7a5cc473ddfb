/** Which header fields a proxy forwards (RFC 9110 §7.6). Fields keep their spelling, order and repetitions. */
import { PROBE_HEADER } from '../../kit/probe-header.ts'
import { FRAME_HEADER, TRANSPORT_HEADER } from '../contract.ts'

/** One field: its name as it was spelled, and its values, one per field line. */
export type HeaderField = readonly [name: string, values: readonly string[]]

/** On an error page of the gateway: the error code. Never accepted from a server. */
export const ERROR_HEADER = 'x-hamlet-error'

/** Fields about the connection, not the message (RFC 9110 §7.6.1); the fields named in Connection are added to these. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'te', 'trailer', 'upgrade'])
/**
 * The gateway itself decides the length and the recipient of a message. If Connection could drop these fields, a body
 * could hide a second request.
 */
const REWRITTEN = new Set(['content-length', 'host', 'transfer-encoding'])
const OWN = new Set([TRANSPORT_HEADER, FRAME_HEADER, ERROR_HEADER, PROBE_HEADER])

/**
 * The fields of a request as the server will see them. Host is taken from the request line, whatever the field said
 * (RFC 9112 §3.2.2). A chunked body stays chunked, so that its end cannot be mistaken. Expect is dropped in HTTP/1.0,
 * which has no interim responses (RFC 9110 §10.1.1).
 * @param rawHeaders names and values, alternating
 * @param httpVersion of the received message, such as `1.1`
 */
export function requestFields(rawHeaders: readonly string[], httpVersion: string, host: string): HeaderField[] {
  const fields = endToEnd(rawHeaders).filter(([name]) => httpVersion !== '1.0' || name.toLowerCase() !== 'expect')
  const isChunked = valuesOf(rawHeaders, 'transfer-encoding').length > 0
  return [['Host', [host]], ...withVia(fields, httpVersion), ...(isChunked ? [['Transfer-Encoding', ['chunked']] as const] : length(rawHeaders))]
}

/** The fields of a response as the browser will see them. Without a length, node:http frames the body when it is written. */
export function responseFields(rawHeaders: readonly string[], httpVersion: string, status: number): HeaderField[] {
  return [...withVia(endToEnd(rawHeaders), httpVersion), ...(hasNoLength(status) ? [] : length(rawHeaders))]
}

/** Statuses without Content-Length, whatever the server says (RFC 9110 §8.6). */
const hasNoLength = (status: number) => status === 204 || status < 200

/** Content-Length, once, unless Transfer-Encoding overrides it (RFC 9112 §6.3). */
function length(rawHeaders: readonly string[]): HeaderField[] {
  const [bytes] = valuesOf(rawHeaders, 'transfer-encoding').length > 0 ? [] : valuesOf(rawHeaders, 'content-length')
  return bytes === undefined ? [] : [['Content-Length', [bytes]]]
}

/** The values of a field, one per field line. */
export function valuesOf(rawHeaders: readonly string[], wanted: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === wanted)
}

/** Whether a request loads a top-level page: by the tab's own header, by Fetch Metadata, or else by Accept. */
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
    if (HOP_BY_HOP.has(key) || REWRITTEN.has(key) || OWN.has(key) || named.has(key) || key.startsWith('proxy-')) continue
    const field = fields.get(key) ?? { name, values: [] }
    field.values.push(rawHeaders[index + 1] ?? '')
    fields.set(key, field)
  }
  return [...fields.values()].map(({ name, values }) => [name, values])
}

/** RFC 9110 §7.6.3: a proxy appends itself to Via, with the HTTP version of the message that it received. */
function withVia(fields: readonly HeaderField[], httpVersion: string): HeaderField[] {
  const before = fields.find(([name]) => name.toLowerCase() === 'via')?.[1] ?? []
  return [...fields.filter(([name]) => name.toLowerCase() !== 'via'), ['Via', [[...before, `${httpVersion} hamlet`].join(', ')]]]
}
