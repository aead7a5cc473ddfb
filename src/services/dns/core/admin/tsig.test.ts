import { expect, test } from 'vitest'
import { MalformedPacket } from '../../../kit/errors.ts'
import { nodeHmac } from '../../hmac.ts'
import { decodeMessage } from '../../wire/message.ts'
import { encodeVariables, tsigOf, withoutTsig, withTsig } from '../../wire/tsig.ts'
import { RCODE } from '../../wire/types.ts'
import { verifyRequest, type KeyOf, type TsigKey } from './tsig.ts'

const fromHex = (hex: string) => Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], pair => parseInt(pair, 16))

const KEY: TsigKey = { name: 'laptop', algorithm: 'hmac-sha256', secret: new TextEncoder().encode('0123456789abcdef0123456789abcdef') }
const SIGNED_AT_SECONDS = 1_767_225_600
/** A query for my-app.home A, signed by dnspython 2.3.0 with KEY at SIGNED_AT_SECONDS. */
const QUERY = fromHex(`123401000001000000000001 066d792d61707004686f6d650000010001
  066c6170746f70 0000fa00ff00000000003d 0b686d61632d73686132353600 00006955b900012c
  0020 8695883a85b41e34a6d5783137187461d9c76fd2a0b231b8f749f48caae72765 123400000000`)
/** The response that dnspython creates and signs in the same second. */
const RESPONSE = fromHex('123481000001000000000000 066d792d61707004686f6d650000010001')
const RESPONSE_MAC = fromHex('cb4dc4b8ba0e183528d149a40a13e9eedfe49c7b279d92151e4169de7f7d874a')

const ring = (...keys: readonly TsigKey[]): KeyOf => name => keys.find(key => key.name === name.toLowerCase())
const verify = (bytes: Uint8Array, { keyOf = ring(KEY), nowSeconds = SIGNED_AT_SECONDS } = {}) => verifyRequest(bytes, decodeMessage(bytes), keyOf, nodeHmac, nowSeconds)
const tsig = (bytes: Uint8Array) => tsigOf(decodeMessage(bytes)) ?? expect.unreachable('the message is signed')
/** The query with other fields in its signature. */
const withFields = (fields: Partial<ReturnType<typeof tsig>>) => withTsig(withoutTsig(QUERY, tsig(QUERY)), { ...tsig(QUERY), ...fields })

test('a message without a signature is not verified', () => {
  expect(verify(RESPONSE)).toBeUndefined()
})

test('a signature of another implementation is decoded, removed, restored and verified', () => {
  expect(tsig(QUERY)).toMatchObject({ keyName: 'laptop', algorithm: 'hmac-sha256', timeSignedSeconds: SIGNED_AT_SECONDS, fudgeSeconds: 300, originalId: 0x1234, error: 0 })
  expect(withFields({})).toEqual(QUERY)
  expect(verify(QUERY)).toMatchObject({ keyName: 'laptop', error: 0, signedAtSeconds: SIGNED_AT_SECONDS })
})

test('a forwarder may change the id', () => {
  const forwarded = QUERY.slice()
  forwarded[0] = 0x99
  expect(verify(forwarded)?.error).toBe(RCODE.NOERROR)
})

test('the response has the MAC that the other implementation computes', () => {
  const signature = verify(QUERY)?.signature ?? expect.unreachable('the query is signed')
  const first = signature.sign(RESPONSE, SIGNED_AT_SECONDS)
  expect(tsig(first)).toMatchObject({ mac: RESPONSE_MAC, originalId: 0x1234 })
  expect(first.length).toBe(RESPONSE.length + signature.octets)
})

test('the MAC of each further message covers the prior MAC, the message, its time and its fudge (RFC 8945 §5.3.1)', () => {
  const signature = verify(QUERY)?.signature ?? expect.unreachable('the query is signed')
  let prior = tsig(signature.sign(RESPONSE, SIGNED_AT_SECONDS)).mac
  for (let message = 2; message <= 4; message++) {
    const expected = new Uint8Array(nodeHmac.digest(KEY, Uint8Array.from([0, 32, ...prior, ...RESPONSE, ...fromHex('00006955b900 012c')])))
    prior = tsig(signature.sign(RESPONSE, SIGNED_AT_SECONDS)).mac
    expect(prior, `message ${message}`).toEqual(expected)
  }
})

test('a request with any octet changed is rejected', () => {
  for (let at = 2; at < QUERY.length; at++) {
    const changed = QUERY.slice()
    changed[at] = (changed[at] ?? 0) ^ 0x40
    let error: number | undefined
    try {
      error = verify(changed)?.error
    } catch (thrown) {
      if (!(thrown instanceof MalformedPacket)) throw thrown
      continue
    }
    expect(error, `octet ${at} was changed`).not.toBe(RCODE.NOERROR)
  }
})

test('an unknown key, or an algorithm that is not the key\'s, is BADKEY, and the response has no MAC', () => {
  for (const keyOf of [ring(), ring({ ...KEY, algorithm: 'hmac-sha512' })]) {
    const refused = verify(QUERY, { keyOf }) ?? expect.unreachable('the query is signed')
    expect(refused.error).toBe(RCODE.BADKEY)
    expect(tsig(refused.signature.sign(RESPONSE, SIGNED_AT_SECONDS))).toMatchObject({ error: RCODE.BADKEY, mac: new Uint8Array(0) })
  }
})

test('another secret is BADSIG, and the response has no MAC', () => {
  const refused = verify(QUERY, { keyOf: ring({ ...KEY, secret: new Uint8Array(32) }) }) ?? expect.unreachable('the query is signed')
  expect(refused.error).toBe(RCODE.BADSIG)
  expect(tsig(refused.signature.sign(RESPONSE, SIGNED_AT_SECONDS)).mac).toHaveLength(0)
})

test.each([[-300, 0], [300, 0], [-301, RCODE.BADTIME], [301, RCODE.BADTIME]])('a clock that is off by %i s results in error %i', (offSeconds, error) => {
  expect(verify(QUERY, { nowSeconds: SIGNED_AT_SECONDS + offSeconds })?.error).toBe(error)
})

test.each([[60, 60, 0], [60, 61, RCODE.BADTIME], [900, 300, 0], [900, 301, RCODE.BADTIME]])('with a fudge of %i s, a clock that is off by %i s results in error %i, and a BADTIME response repeats the fudge', (fudgeSeconds, offSeconds, error) => {
  const fields = { ...tsig(QUERY), fudgeSeconds }
  const mac = nodeHmac.digest(KEY, Uint8Array.from([...withoutTsig(QUERY, fields), ...encodeVariables(fields)]))
  const verified = verify(withFields({ fudgeSeconds, mac }), { nowSeconds: SIGNED_AT_SECONDS + offSeconds }) ?? expect.unreachable('the query is signed')
  expect([verified.error, tsig(verified.signature.sign(RESPONSE, SIGNED_AT_SECONDS)).fudgeSeconds]).toEqual([error, error === 0 ? 300 : fudgeSeconds])
})

test('a BADTIME response is signed, repeats the client\'s time and contains the server\'s', () => {
  const nowSeconds = SIGNED_AT_SECONDS + 1000
  const answer = tsig(verify(QUERY, { nowSeconds })?.signature.sign(RESPONSE, nowSeconds) ?? expect.unreachable('the query is signed'))
  expect(answer).toMatchObject({ error: RCODE.BADTIME, timeSignedSeconds: SIGNED_AT_SECONDS, otherData: Uint8Array.from([0, 0, 0x69, 0x55, 0xbc, 0xe8]) })
  expect(answer.mac).toHaveLength(32)
})

test('a truncated MAC is BADTRUNC if it is correct, BADSIG if not, and malformed below half its length', () => {
  const { mac } = tsig(QUERY)
  expect(verify(withFields({ mac: mac.slice(0, 16) }))?.error).toBe(RCODE.BADTRUNC)
  expect(verify(withFields({ mac: new Uint8Array(20) }))?.error).toBe(RCODE.BADSIG)
  expect(() => verify(withFields({ mac: mac.slice(0, 15) }))).toThrow(MalformedPacket)
  expect(() => verify(withFields({ mac: new Uint8Array(33) }))).toThrow(MalformedPacket)
})

test('a message with two signatures is malformed', () => {
  expect(() => verify(withTsig(QUERY, tsig(QUERY)))).toThrow(/not the last record/)
})
