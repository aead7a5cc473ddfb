/** Where an answer came from: for logs, events, and clients that ask with EDNS option 65001. */
export type Provenance =
  /** Registered here, or in a zone that is only answered here. */
  | { readonly source: 'zone' }
  /** From the cache; `stale`: expired, and no upstream had anything newer. */
  | { readonly source: 'cache' | 'stale'; readonly ageMs: number; readonly upstream: string }
  | { readonly source: 'upstream'; readonly upstream: string; readonly tookMs: number }
  /** No answer was found. */
  | { readonly source: 'none' }

/** `zone`, `cache, 12 s old, from 192.0.2.53:53`, `upstream 192.0.2.53:53 in 23 ms`. */
export function explain(provenance: Provenance): string {
  switch (provenance.source) {
    case 'zone': return 'zone'
    case 'cache': case 'stale': return `${provenance.source}, ${Math.floor(provenance.ageMs / 1000)} s old, from ${provenance.upstream}`
    case 'upstream': return `upstream ${provenance.upstream} in ${Math.max(1, Math.round(provenance.tookMs))} ms`
    case 'none': return 'no answer'
  }
}
