/** Conditional requests (RFC 9110 §13) for a representation that has a strong entity tag and a date, or neither. */
import { parseHttpDate } from './http-date.ts'
import type { HttpRequest } from './message.ts'

export interface Validators {
  /** Includes the quotes. */
  readonly etag: string
  readonly modifiedAtMs: number
}

/**
 * Evaluates the conditions for a representation that exists, in the order of §13.2.2: proceed, 304 or 412.
 * @param validators undefined if it has none: then no tag matches, and dates are ignored (§13.1.3, §13.1.4)
 */
export function checkPreconditions(
  { method, headers, receivedAtMs }: Pick<HttpRequest, 'method' | 'headers' | 'receivedAtMs'>, validators: Validators | undefined,
): 'proceed' | 'not-modified' | 'failed' {
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  const modifiedAtMs = wholeSeconds(validators?.modifiedAtMs ?? NaN)
  if (ifMatch !== undefined) {
    if (!listsTag(ifMatch, validators?.etag, 'strong')) return 'failed'
  } else if (modifiedAtMs > httpDate(headers['if-unmodified-since'], receivedAtMs, Infinity)) return 'failed'
  const reads = method === 'GET' || method === 'HEAD'
  if (ifNoneMatch !== undefined) return !listsTag(ifNoneMatch, validators?.etag, 'weak') ? 'proceed' : reads ? 'not-modified' : 'failed'
  return reads && modifiedAtMs <= httpDate(headers['if-modified-since'], receivedAtMs, -Infinity) ? 'not-modified' : 'proceed'
}

/**
 * Whether the Range field applies (§13.1.5): if If-Range names another version, the whole representation is sent.
 * A date counts only if the file had not changed for a second, since dates cannot tell apart two changes within one second.
 */
export function ifRangeHolds({ headers, receivedAtMs }: Pick<HttpRequest, 'headers' | 'receivedAtMs'>, validators: Validators): boolean {
  const ifRange = headers['if-range']
  if (ifRange === undefined) return true
  if (ifRange.startsWith('"')) return ifRange === validators.etag
  return httpDate(ifRange, receivedAtMs, NaN) === wholeSeconds(validators.modifiedAtMs) && receivedAtMs - validators.modifiedAtMs > 1000
}

function listsTag(field: string, etag: string | undefined, comparison: 'strong' | 'weak'): boolean {
  if (field.trim() === '*') return true
  return (field.match(/(W\/)?"[^"]*"/g) ?? []).some(tag => tag === etag || (comparison === 'weak' && tag === `W/${etag ?? ''}`))
}

/** A field that is not a valid date counts as absent (§13.1.3). */
function httpDate(field: string | undefined, receivedAtMs: number, absent: number): number {
  return parseHttpDate(field ?? '', receivedAtMs) ?? absent
}

function wholeSeconds(atMs: number): number {
  return Math.floor(atMs / 1000) * 1000
}
