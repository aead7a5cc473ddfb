/** The target of a request line (RFC 9112 §3.2) as path segments and query. */
import { URLSearchParams } from 'node:url'

export interface RequestTarget {
  /** `*` of `OPTIONS *` has no segments. */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  /** The query as it was sent, with its question mark; '' where there is none. */
  readonly search: string
}

const SEGMENTS_MAX = 64

/**
 * Reads origin-form, absolute-form (whose host is as good as any: this server has one site) and, for OPTIONS alone, `*`, which is also
 * the absolute-form without a path (§3.2.4).
 * @returns undefined where the target is none for this method, its percent-encoding is broken, or it is not UTF-8
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

/** The path of segments, encoded anew, so that nothing in a name can end up outside the path. */
export function formatPath(segments: readonly string[]): string {
  return `/${segments.map(encodeURIComponent).join('/')}`
}
