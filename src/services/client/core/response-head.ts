/** What a gateway cannot hand on: a head that passes for HTTP at a parser, and would be none on the gateway's own status line. */
import { invalidFieldName } from '../../kit/field-names.ts'
import { valuesOf } from './headers.ts'

/** RFC 9112 §4, RFC 9110 §5.5: visible characters, blanks, and bytes of old encodings. */
const TEXT = /^[\t\u0020-\u007e\u0080-\u00ff]*$/
const STATUS_MIN = 100
const SWITCHING_PROTOCOLS = 101

/**
 * Why the head of a response is none, as the reason of an error; undefined where it is in order.
 * @param rawHeaders names and values in turn
 */
export function faultOfHead(status: number, reason: string, rawHeaders: readonly string[]): string | undefined {
  // 101 answers an Upgrade, which a proxy does not hand on (RFC 9110 §7.8, §15).
  if (status < STATUS_MIN || status === SWITCHING_PROTOCOLS) return `${String(status).padStart(3, '0')} is no status of a response`
  if (!TEXT.test(reason)) return 'its reason phrase has control characters'
  const badName = invalidFieldName(rawHeaders)
  if (badName !== undefined) return `${JSON.stringify(badName)} is no name of a header field`
  if (valuesOf(rawHeaders, 'transfer-encoding').some(coding => coding.toLowerCase() !== 'chunked')) return 'its body has a transfer coding other than "chunked"'
  const bad = rawHeaders.findIndex((value, index) => index % 2 === 1 && !TEXT.test(value))
  return bad < 0 ? undefined : `its field ${rawHeaders[bad - 1] ?? ''} has control characters`
}
