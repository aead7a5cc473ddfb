/**
 * Records that vouch for keys and certificates: CAA (RFC 8659 §4), SSHFP (RFC 4255), TLSA (RFC 6698 §2), SMIMEA (RFC 8162)
 * and OPENPGPKEY (RFC 7929).
 *
 *     CAA   | flags (1) | tag length (1) | tag | value: octets to the end |
 *     SSHFP | algorithm (1) | fingerprint type (1) | fingerprint |
 *     TLSA  | usage (1) | selector (1) | matching type (1) | certificate association data |
 */
import { MalformedPacket } from '../../../kit/errors.ts'
import { TYPE } from '../types.ts'
import { characterString, integer, quoted, remainingBase64, remainingHex, remainingText, wrong, type DataField, type Field } from './field.ts'

/** Letters and digits, so it needs no quotes. A tag from the network that breaks this rule is kept, and shown in quotes. */
const tag: DataField = {
  ...characterString('tag'),
  skip(reader) {
    const length = reader.uint8()
    if (length === 0) throw new MalformedPacket(reader.offset, 'RFC 8659 §4.1', 'a CAA tag is empty')
    reader.skip(length)
  },
  parse(words, origin, writer) {
    const at = writer.length
    characterString('tag').parse(words, origin, writer)
    if (writer.length === at + 1) throw wrong('', 'not a tag', 'write a tag such as issue')
  },
  format(reader) {
    const text = quoted(reader.take(reader.uint8()))
    return /^"[0-9a-zA-Z]+"$/.test(text) ? text.slice(1, -1) : text
  },
}

const ASSOCIATION: readonly Field[] = [integer('usage', 1), integer('selector', 1), integer('matching type', 1), remainingHex('association data')]

export const CERTIFICATE_LAYOUTS: readonly (readonly [number, readonly Field[]])[] = [
  [TYPE.CAA, [integer('flags', 1), tag, remainingText('value', 0)]],
  [TYPE.SSHFP, [integer('algorithm', 1), integer('fingerprint type', 1), remainingHex('fingerprint')]],
  [TYPE.TLSA, ASSOCIATION],
  [TYPE.SMIMEA, ASSOCIATION],
  [TYPE.OPENPGPKEY, [remainingBase64('public key')]],
]
