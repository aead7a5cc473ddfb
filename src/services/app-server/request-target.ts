/** The target of a request line (RFC 9112 §3.2) as path segments and query. */
import { URLSearchParams } from 'node:url'

export interface RequestTarget {
  /** Empty for `OPTIONS *`. */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  /** The query as it was sent, with its question mark; '' if there is none. */
  readonly search: string
}

const SEGMENTS_MAX = 64

/**
 * Parses the origin-form, the absolute-form (with any host, since this server has one site) and, for OPTIONS only, the
 * asterisk-form `*`, to which the absolute-form without a path is equivalent (§3.2.4).
 * @returns undefined if the target is not valid for this method, or its percent-encoding is broken or not UTF-8
 */
export function parseTarget(method: string, target: string): RequestTarget | undefined {
  if (method === 'OPTIONS' && /^(?:\*|http:\/\/[^/?#]+)$/i.test(target)) return { segments: [], query: new URLSearchParams(), search: '' }
  const match = /^(?:http:\/\/[^/?#]+)?(\/[^?#]*|(?=\?)|$)(\?[^#]*)?(?:#.*)?$/i.exec(target)
  if (match === null || target === '') return undefined
  const segments = (match[1] ?? '').slice(1).split('/')
  if (segments.length > SEGMENTS_MAX) return undefined
  try {
    const search = match[2] ?? ''
    return { segments: segments.map(decodeURIComponent), query: new URLSearchParams(search), search }
  } catch {
    return undefined // URIError: "%zz", or bytes that are not UTF-8
  }
}

/** Joins segments to a path and encodes them, so that nothing in a name can end the path. */
export function formatPath(segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join('/')}`
}
