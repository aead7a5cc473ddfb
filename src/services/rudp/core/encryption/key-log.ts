/**
 * Logs the keys of encrypted connections as lines of text, so that Wireshark can decrypt captures
 * (docs/wireshark/rudp.lua), as it does with the TLS key logs of browsers. There is one line for each set of keys, with
 * three words in hexadecimal:
 *
 *     48520102 <info> <keys>        as defined in docs/rudp.md §13
 *
 * Info begins with the initiator's id and share and ends with the token. HELLO shows all three, and so identifies its
 * line.
 */
import { formatHex } from '../../../kit/hex.ts'
import { ENCRYPTED_VERSION } from '../../wire/encrypted-packet.ts'
import type { Cryptography } from './cryptography.ts'
import { PACKET_KEYS_SALT } from './packet-protection.ts'

/**
 * @param log receives each line, without a line break, before any packet is encrypted with these keys. Anyone who reads
 * the log can read the connection.
 */
export function withKeyLog(cryptography: Cryptography, log: (line: string) => void): Cryptography {
  return {
    ...cryptography,
    derive(secret, salt, info, length) {
      const keys = cryptography.derive(secret, salt, info, length)
      if (salt === PACKET_KEYS_SALT) log(`${ENCRYPTED_VERSION.toString(16)} ${formatHex(info)} ${formatHex(keys)}`)
      return keys
    },
  }
}
