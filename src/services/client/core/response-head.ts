/** Checks a response head before the gateway forwards it: Node's parser accepts heads that are not valid HTTP. */
import { invalidFieldName } from '../../kit/field-names.ts'
import { valuesOf } from './headers.ts'

/** RFC 9112 §4, RFC 9110 §5.5: visible characters, space, tab, and the bytes of obs-text. */
const TEXT = /^[\t\u0020-\u007e\u0080-\u00ff]*$/
const STATUS_MIN = 100
const SWITCHING_PROTOCOLS = 101

/**
 * What is wrong with the head of a response, as the `why` of an error; undefined if it is valid.
 * @param rawHeaders names and values, alternating
 */
export function headFault(status: number, reason: string, rawHeaders: readonly string[]): string | undefined {
  // 101 answers an Upgrade, which a proxy does not forward (RFC 9110 §7.8, §15).
  if (status < STATUS_MIN || status === SWITCHING_PROTOCOLS) return `${String(status).padStart(3, '0')} is not the status of a response`
  if (!TEXT.test(reason)) return 'its reason phrase has control characters'
  const badName = invalidFieldName(rawHeaders)
  if (badName !== undefined) return `${JSON.stringify(badName)} is not a header field name`
  if (valuesOf(rawHeaders, 'transfer-encoding').some(coding => coding.toLowerCase() !== 'chunked')) return 'its body has a transfer coding other than "chunked"'
  const bad = rawHeaders.findIndex((value, index) => index % 2 === 1 && !TEXT.test(value))
  return bad < 0 ? undefined : `its field ${rawHeaders[bad - 1] ?? ''} has control characters`
}
