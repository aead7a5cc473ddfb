/** What is wrong with an HTTP request line (RFC 9112 §3) that the parser rejected, as the status to respond with. */

/** What node:http reports. */
export interface ParserFault {
  readonly code?: string | undefined
  /** The bytes that arrived last. */
  readonly rawPacket?: Uint8Array | undefined
  /** How many of them could be parsed. */
  readonly bytesParsed?: number | undefined
}

const LINE_BYTES_MAX = 8192
const LINE_FEED = 10

/** 501 for an unknown method (RFC 9110 §9.1), 505 for an unsupported HTTP version (§15.6.6), otherwise 400. */
export function requestLineErrorStatus({ code, rawPacket, bytesParsed = 0 }: ParserFault): 400 | 501 | 505 {
  if (code !== 'HPE_INVALID_METHOD' && code !== 'HPE_INVALID_VERSION') return 400
  const bytes = rawPacket ?? new Uint8Array(0)
  const begin = bytesParsed === 0 ? 0 : bytes.lastIndexOf(LINE_FEED, bytesParsed - 1) + 1
  const text = String.fromCharCode(...bytes.subarray(begin, begin + LINE_BYTES_MAX))
  const version = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP\/(\d\.\d)\r?\n/.exec(text)?.[1]
  if (version === undefined) return 400
  return isSupportedVersion(version) ? 501 : 505
}

/** Whether an HTTP version, such as `1.1`, is supported. */
export function isSupportedVersion(httpVersion: string): boolean {
  return httpVersion === '1.1' || httpVersion === '1.0'
}
