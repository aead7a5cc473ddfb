/** The body of an HTTP request as its header announces it, checked by the application server and by the gateway. */

interface Head {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** A request has a body if it has one of these fields (RFC 9112 §6). */
export function hasBody({ headers }: Head): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/**
 * The status that rejects a transfer coding, or undefined if there is none but `chunked`: 400 if the end of the body cannot be determined
 * (RFC 9112 §6.3), 501 for other codings, which are not supported (§6.1).
 */
export function transferCodingErrorStatus({ headers }: Head): 400 | 501 | undefined {
  const codings = String(headers['transfer-encoding'] ?? 'chunked').toLowerCase().split(',').map(coding => coding.trim())
  if (codings.at(-1) !== 'chunked') return 400
  return codings.length > 1 ? 501 : undefined
}
