/** From method and path to the controller that answers. Pure; the table of routes is demo-site.ts's. */
import type { Controller } from './message.ts'

export interface Route {
  /** HEAD is served by GET's controller (RFC 9110 §9.3.2); the body is left out where the response is written. */
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

/** @param segments as parseTarget gives them */
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
  const open = expected.at(-1) === '*'
  if (open ? segments.length < expected.length : segments.length !== expected.length) return false
  return expected.every((segment, index) => (open && index === expected.length - 1) || segment === segments[index])
}

function allowedMethods(routes: readonly Route[]): string {
  const methods = new Set(routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))
  return [...methods, 'OPTIONS'].join(', ')
}
