/**
 * The target of a request to a proxy: `absolute-form` (RFC 9112 §3.2.2) and, for CONNECT, `authority-form` (§3.2.3).
 *
 *     GET http://my-app.home:8080/watch?film=1 HTTP/1.1        CONNECT my-app.home:443 HTTP/1.1
 *         ^scheme ^host       ^port ^path                              ^host       ^port
 */
import { UsageError } from '../../kit/errors.ts'
import { isIpAddress } from '../../kit/ip-address.ts'

const SCHEMES = ['http', 'rudp'] as const
export type Scheme = (typeof SCHEMES)[number]

export interface Authority {
  /** A name in lower case, or an IP address without brackets. */
  readonly host: string
  /** Undefined if the text has none. */
  readonly port: number | undefined
}

export interface Target extends Authority {
  readonly scheme: Scheme
  /** Path and query, at least "/", in ASCII (RFC 3986 §2.5); "*" if OPTIONS is about the server as a whole. */
  readonly path: string
}

const NAME_LENGTH_MAX = 253
/** Without lone surrogates, which have no UTF-8 encoding. */
const NOT_ASCII = /[\u0080-\ud7ff\ue000-\u{10ffff}]+/gu

/**
 * Parses `http://host[:port]/path` or `rudp://host[:port]/path`. A fragment is not part of a request and is dropped.
 * @param method OPTIONS without a path is about the server as a whole (RFC 9112 §3.2.4)
 * @throws UsageError that says what is wrong
 */
export function parseTarget(text: string, method = 'GET'): Target {
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^#]*)/i.exec(text)
  const scheme = SCHEMES.find(known => known === match?.[1]?.toLowerCase())
  if (match === null || scheme === undefined) throw unreadable(text, match === null ? 'it has no scheme and host' : `the scheme "${match[1]}" is not supported`)
  const authority = parseAuthority(match[2] ?? '')
  const path = (match[3] ?? '').replace(NOT_ASCII, encodeURIComponent)
  // A space or line break on the request line could make one request look like two.
  if (/[^\u0021-\u007e]/.test(path)) throw unreadable(text, 'its path has characters that must be percent-encoded')
  if (path === '' && method === 'OPTIONS') return { scheme, ...authority, path: '*' }
  return { scheme, ...authority, path: path.startsWith('/') ? path : `/${path}` }
}

/**
 * Parses `host[:port]`.
 * @throws UsageError that says what is wrong; a user name is refused (RFC 9110 §4.2.4)
 */
export function parseAuthority(text: string): Authority {
  if (text.includes('@')) throw unreadable(text, 'it must not contain a user name')
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{0,5}))?$/.exec(text)
  const host = (match?.[1] ?? match?.[2] ?? '').toLowerCase()
  const digits = match?.[3] ?? ''
  if (match === null) throw unreadable(text, 'it is not HOST or HOST:PORT (with an IPv6 address in brackets)')
  if (host === '') throw unreadable(text, 'it names no host')
  if (match[1] === undefined ? !isName(host) : !(host.includes(':') && isIpAddress(host))) throw unreadable(text, `"${host}" is neither a name nor an IP address`)
  if (Number(digits) > 65535 || (digits !== '' && Number(digits) === 0)) throw unreadable(text, `${digits} is not a port`)
  return { host, port: digits === '' ? undefined : Number(digits) }
}

/** The value of the Host field for a target (RFC 9110 §7.2). */
export function formatAuthority({ host, port }: Authority): string {
  return (host.includes(':') ? `[${host}]` : host) + (port === undefined ? '' : `:${port}`)
}

/** Letters, digits, hyphens and underscores in labels of 1–63 (RFC 1123 §2.1; underscores as DNS itself allows). */
function isName(host: string): boolean {
  return host.length <= NAME_LENGTH_MAX + 1 && /^([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?$/.test(host)
}

function unreadable(text: string, why: string): UsageError {
  const shown = text.length > 100 ? `${text.slice(0, 100)}…` : text
  return new UsageError(`"${shown}" cannot be fetched`, why, 'write an address such as http://my-app.home/ or rudp://my-app.home/')
}
