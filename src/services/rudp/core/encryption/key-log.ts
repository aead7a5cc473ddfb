/**
 * The keys of encrypted connections as lines of text, so that Wireshark can read what was captured (docs/wireshark/rudp.lua), as it does
 * with the TLS key log of browsers. A line for each set of keys, three words in hexadecimal:
 *
 *     48520102 <info> <keys>        as docs/rudp.md §13 calls them
 *
 * Info begins with the initiator's id and its share and ends with the token: by these three, which HELLO shows, a line is found.
 */
import { formatHex } from '../../../kit/hex.ts'
import { ENCRYPTED_VERSION } from '../../wire/encrypted-packet.ts'
import type { Cryptography } from './cryptography.ts'
import { PACKET_KEYS_SALT } from './packet-protection.ts'

/** @param log is told each line, without its end, before a packet is encrypted by these keys. Whoever reads it reads the connection. */
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
