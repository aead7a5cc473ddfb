// How a HELLO from an unverified peer is answered, byte by byte where no state is kept.
import { expect, test } from 'vitest'
import { seededRandom } from '../../kit/random.ts'
import { nodeCryptography } from '../node-cryptography.ts'
import { decodeEncryptedPacket, ENCRYPTED_VERSION } from '../wire/encrypted-packet.ts'
import { CLOSE_CODES } from '../wire/frames.ts'
import { decodePacket, VERSION } from '../wire/packet.ts'
import { Admission } from './admission.ts'
import type { Cryptography } from './encryption/cryptography.ts'

const path = { local: { address: '192.0.2.2', port: 8080 }, interfaceName: '', peer: { address: '192.0.2.1', port: 50_000 } }
const NOTHING = new Uint8Array(0)
const REFUSED = CLOSE_CODES.indexOf('refused')
const HELLO_ID = 99
const share = nodeCryptography.keyPair(new Uint8Array(32).fill(2)).publicKey

function admissionOf(acceptsPlain: boolean | undefined, cryptography: Cryptography = nodeCryptography): Admission {
  return new Admission(seededRandom(1), { cryptography, ...(acceptsPlain !== undefined && { acceptor: { identitySecret: new Uint8Array(32).fill(7), acceptsPlain } }) })
}

const answered = (answer: unknown): Uint8Array => answer instanceof Uint8Array ? answer : expect.unreachable('it was to be answered')

function asked(admission: Admission, hasRoom = true): Uint8Array {
  return answered(admission.hello({ type: 'HELLO', destinationId: 0, sourceId: HELLO_ID, number: 5, frames: [{ kind: 'PING' }] }, path, hasRoom, 0))
}

function askedEncrypted(admission: Admission, hasRoom = true, token: Uint8Array = NOTHING, prekeyNumber = 0, shown = share): Uint8Array {
  return answered(admission.encryptedHello({ type: 'HELLO', destinationId: 0, sourceId: HELLO_ID, number: 5, prekeyNumber, share: shown, token, contentAt: 66 }, NOTHING, path, hasRoom, 0))
}

test('a HELLO of a kind that is not accepted is answered with the versions that are', () => {
  const versions = (list: readonly number[]) => ({ type: 'VERSIONS', destinationId: HELLO_ID, sourceId: 0, versions: list })
  const [plain, both, encrypted] = [admissionOf(undefined), admissionOf(true), admissionOf(false)]
  expect(decodePacket(askedEncrypted(plain))).toEqual(versions([VERSION]))
  expect(decodePacket(asked(encrypted))).toEqual(versions([ENCRYPTED_VERSION]))
  expect(decodePacket(both.versions({ destinationId: 0, sourceId: HELLO_ID }))).toEqual(versions([VERSION, ENCRYPTED_VERSION]))
  for (const admission of [plain, both]) expect(decodePacket(asked(admission)).type).toBe('RETRY')
  for (const admission of [encrypted, both]) expect(decodeEncryptedPacket(askedEncrypted(admission)).type).toBe('RETRY')
})

test('a HELLO is refused in its own kind if there is no room, and otherwise answered with a RETRY', () => {
  const admission = admissionOf(true)
  const to = { destinationId: HELLO_ID, sourceId: 0 }
  expect(decodePacket(asked(admission, false))).toEqual({ ...to, type: 'RESET', number: 5, frames: [{ kind: 'CONNECTION_CLOSE', code: REFUSED }] })
  expect(decodeEncryptedPacket(askedEncrypted(admission, false))).toMatchObject({ ...to, type: 'RESET', code: REFUSED, resetToken: new Uint8Array(16) })
  expect(decodePacket(asked(admission))).toMatchObject({ ...to, type: 'RETRY', number: 5 })
  expect(decodeEncryptedPacket(askedEncrypted(admission))).toMatchObject({ ...to, type: 'RETRY', number: 5 })
})

test('a packet for an unknown encrypted connection is answered with its id and reset token', () => {
  const admission = admissionOf(true)
  expect(decodeEncryptedPacket(answered(admission.unknown(77)))).toMatchObject({ type: 'RESET', destinationId: 0, sourceId: 77, code: CLOSE_CODES.indexOf('unknown'), resetToken: admission.resetToken(77) })
  expect(admissionOf(undefined).unknown(77)).toBeUndefined()
})

test('no keys are agreed on without a valid token, nor twice with one', () => {
  let agreements = 0
  const counting: Cryptography = {
    ...nodeCryptography,
    keyPair(secret) {
      const pair = nodeCryptography.keyPair(secret)
      return {
        publicKey: pair.publicKey,
        agree(other) {
          agreements++
          return pair.agree(other)
        },
      }
    },
  }
  const admission = admissionOf(false, counting)
  const retry = decodeEncryptedPacket(askedEncrypted(admission))
  if (retry.type !== 'RETRY') return expect.unreachable('an unverified peer gets a token')
  for (const token of [new Uint8Array(21), retry.token.map(byte => byte ^ 1)]) askedEncrypted(admission, true, token, retry.prekeyNumber)
  expect(agreements).toBe(0)
  const taken = admission.encryptedHello({ type: 'HELLO', destinationId: 0, sourceId: HELLO_ID, number: 6, prekeyNumber: retry.prekeyNumber, share, token: retry.token, contentAt: 66 }, new Uint8Array(100), path, true, 0)
  expect([taken, agreements]).toEqual([undefined, 2])
  askedEncrypted(admission, true, retry.token, retry.prekeyNumber)
  expect(agreements).toBe(2)
})

test.each([
  { what: 'an unknown prekey', prekeyNumber: 77, shown: share }, { what: 'a share that makes the secret the same for everyone', prekeyNumber: 1, shown: new Uint8Array(32) },
])('a HELLO with a valid token and $what gets another RETRY', ({ prekeyNumber, shown }) => {
  const admission = admissionOf(false)
  const retry = decodeEncryptedPacket(askedEncrypted(admission))
  if (retry.type !== 'RETRY') return expect.unreachable('an unverified peer gets a token')
  expect(decodeEncryptedPacket(askedEncrypted(admission, true, retry.token, prekeyNumber, shown)).type).toBe('RETRY')
})
