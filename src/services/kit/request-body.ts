/** The body of an HTTP request, as its head announces it: for whoever reads it, and whoever hands it on. */

interface Head {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

/** RFC 9112 §6: a request has a body where one of these fields is there. */
export function hasBody({ headers }: Head): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/**
 * The status that refuses a transfer coding, undefined where there is none but `chunked`: 400 where nothing tells the end of the body
 * (RFC 9112 §6.3), 501 for others, which nobody here understands (§6.1).
 */
export function transferCodingErrorStatus({ headers }: Head): 400 | 501 | undefined {
  const codings = String(headers['transfer-encoding'] ?? 'chunked').toLowerCase().split(',').map(coding => coding.trim())
  if (codings.at(-1) !== 'chunked') return 400
  return codings.length > 1 ? 501 : undefined
}
