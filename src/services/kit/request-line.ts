/** The first line of an HTTP request (RFC 9112 §3) that a parser did not take: what is wrong with it, for whoever answers. */

/** What node:http tells of it. */
export interface ParserFault {
  readonly code?: string | undefined
  /** What came last. */
  readonly rawPacket?: Uint8Array | undefined
  /** Of these, up to where it could be read. */
  readonly bytesParsed?: number | undefined
}

const LINE_BYTES_MAX = 8192
const LINE_FEED = 10

/** The status that refuses it: 501 for a method that nobody here knows (RFC 9110 §9.1), 505 for another HTTP (§15.6.6), else 400. */
export function requestLineErrorStatus({ code, rawPacket, bytesParsed = 0 }: ParserFault): 400 | 501 | 505 {
  if (code !== 'HPE_INVALID_METHOD' && code !== 'HPE_INVALID_VERSION') return 400
  const bytes = rawPacket ?? new Uint8Array(0)
  const begin = bytesParsed === 0 ? 0 : bytes.lastIndexOf(LINE_FEED, bytesParsed - 1) + 1
  const text = String.fromCharCode(...bytes.subarray(begin, begin + LINE_BYTES_MAX))
  const version = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP\/(\d\.\d)\r?\n/.exec(text)?.[1]
  if (version === undefined) return 400
  return isSupportedVersion(version) ? 501 : 505
}

/** Whether a version, such as `1.1`, is one that is spoken here. */
export function isSupportedVersion(httpVersion: string): boolean {
  return httpVersion === '1.1' || httpVersion === '1.0'
}
