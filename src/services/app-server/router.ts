/** Finds the controller for a method and path. Pure; the routing table is in demo-site.ts. */
import type { Controller } from './message.ts'

export interface Route {
  /** GET's controller also serves HEAD (RFC 9110 §9.3.2); the body is omitted when the response is written. */
  readonly method: 'GET' | 'POST'
  /** `/watch`, or `/media/*` for everything under it. */
  readonly path: string
  readonly controller: Controller
}

export type Match =
  | { readonly kind: 'found'; readonly controller: Controller }
  | { readonly kind: 'absent' }
  /** The path exists, but not for this method. `allow` is the Allow field's value (§10.2.1). */
  | { readonly kind: 'not-allowed'; readonly allow: string }
  /** OPTIONS, for a path or for `*`. */
  | { readonly kind: 'options'; readonly allow: string }

/** @param segments as returned by parseTarget */
export function matchRoute(routes: readonly Route[], method: string, segments: readonly string[]): Match {
  const candidates = segments.length === 0 ? routes : routes.filter(({ path }) => pathMatches(path, segments))
  if (candidates.length === 0) return { kind: 'absent' }
  const allow = allowedMethods(candidates)
  if (method === 'OPTIONS') return { kind: 'options', allow }
  const found = candidates.find(route => route.method === (method === 'HEAD' ? 'GET' : method))
  return found === undefined ? { kind: 'not-allowed', allow } : { kind: 'found', controller: found.controller }
}

function pathMatches(path: string, segments: readonly string[]): boolean {
  const expected = path.slice(1).split('/')
  const isPrefix = expected.at(-1) === '*'
  if (isPrefix ? segments.length < expected.length : segments.length !== expected.length) return false
  return expected.every((segment, index) => (isPrefix && index === expected.length - 1) || segment === segments[index])
}

function allowedMethods(routes: readonly Route[]): string {
  const methods = new Set(routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))
  return [...methods, 'OPTIONS'].join(', ')
}
