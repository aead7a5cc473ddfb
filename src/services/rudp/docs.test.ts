// docs/rudp.md is a specification: the tables and bytes that it prints must match the code.
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { crc32 } from '../kit/crc32.ts'
import { seededRandom } from '../kit/random.ts'
import { AcceptorEncryption } from './core/encryption/acceptor-encryption.ts'
import { addToParity } from './core/parity.ts'
import { STATES } from './core/states.ts'
import { RECEIVE_STATES, SEND_STATES } from './core/stream-states.ts'
import { deriveProtection } from './core/encryption/packet-protection.ts'
import { nodeCryptography } from './node-cryptography.ts'
import { Pair } from './testing/pair.ts'
import { formatFrames, formatStates } from './testing/tables.ts'
import { readAll } from './testing/transfer.ts'
import { decodeEncryptedPacket } from './wire/encrypted-packet.ts'
import { CLOSE_CODES, encodeFrame } from './wire/frames.ts'
import { decodePacket, encodePacket, summarizePacket } from './wire/packet.ts'

const text = readFileSync(new URL('../../../docs/rudp.md', import.meta.url), 'utf8')
const marked = (name: string) => new RegExp(`<!-- ${name}: [^\\n]*-->\\n([\\s\\S]*?)\\n<!-- end -->`).exec(text)?.[1]

test('the state diagrams are those of the tables', () => {
  expect(marked('states')).toBe(formatStates(Object.fromEntries(Object.entries(STATES).map(([state, { on }]) => [state, on]))))
  expect(marked('send states')).toBe(formatStates(SEND_STATES))
  expect(marked('receive states')).toBe(formatStates(RECEIVE_STATES))
})

test('the table of frames is that of the codec', () => {
  expect(marked('frames')).toBe(formatFrames())
})

test('the codes of CONNECTION_CLOSE are those of the code', () => {
  const codes = CLOSE_CODES.map((name, code) => `${code} ${name.replace('-', ' ')}`).join(', ')
  expect(text).toContain(`Codes of CONNECTION_CLOSE: ${codes}.`)
})

const allVectors = [...text.matchAll(/^([0-9a-f]{50,})\n {4}(.*)$/gm)].map(([, hex = '', summary = '']) => ({ hex, summary }))
const vectors = allVectors.filter(({ summary }) => !summary.startsWith('encrypted'))

test('there is a test vector of each form', () => {
  expect(vectors.map(({ summary }) => summary.split(' ')[0])).toEqual(['HELLO', 'RETRY', 'HELLO', 'SHORT', 'SHORT', 'RESET', 'VERSIONS'])
})

test.each(vectors)('$summary decodes from these bytes and encodes to them', ({ hex, summary }) => {
  const packet = decodePacket(Uint8Array.from(Buffer.from(hex, 'hex')))
  expect(summarizePacket(packet)).toBe(summary)
  expect(Buffer.from(encodePacket(packet)).toString('hex')).toBe(hex)
})

test('the PARITY vector belongs to the stream that the document gives and draws', () => {
  const stream = new TextEncoder().encode(/The stream of the PARITY: `(.+)`/.exec(text)?.[1])
  const data = new Uint8Array(5)
  addToParity(data, 0, stream)
  const { hex = '' } = vectors.find(({ summary }) => summary.includes('PARITY')) ?? {}
  expect(decodePacket(bytesOf(hex))).toMatchObject({ frames: [{ kind: 'PARITY', finalSize: stream.length, sum: crc32(stream), data }] })
  expect(text).toContain(`${[...data].map(byte => byte.toString(16).padStart(2, '0')).join('  ')}      the parity, b = 5; the sum is ${crc32(stream).toString(16)}`)
})

test('the exchange in the document is what two endpoints send each other', () => {
  const said: string[] = []
  const pair = new Pair({
    seed: 3, link: { delayMs: 20 },
    tap(from, bytes, nowMs) {
      const summary = summarizePacket(decodePacket(bytes))
      if (!summary.endsWith(': PING')) said.push(`${Math.round(nowMs)} ${from} ${summary}`)
      return !summary.startsWith('SHORT #3: STREAM') // lost
    },
    onEvent(side, event) {
      if (event.kind !== 'stream-event' || event.event.kind !== 'readable') return
      readAll(event.stream)
      if (side === 'client' || !event.stream.drained) return
      event.stream.write(new Uint8Array(5000))
      event.stream.end()
    },
  })
  const stream = pair.client.endpoint.connect(pair.client.path, 0).openStream()
  stream?.write(new Uint8Array(100))
  stream?.end()
  pair.drain()
  pair.wait(1000)
  const repeated = (words: string) => words === 'the same once more' || words.startsWith('the same as')
  const told = [...text.matchAll(/^( +)(\d+) {2}((?:HELLO|RETRY|WELCOME|SHORT) #\d+): (.+?)(?: {3,}.*| {8}✗ lost)?$/gm)]
    .map(([, indent = '', ms, packet, words = '']) => ({ head: `${ms} ${indent.length < 20 ? 'client' : 'server'} ${packet}: `, words: repeated(words) ? undefined : words }))
  expect(told).toHaveLength(20)
  expect(said.map((line, index) => told[index]?.words === undefined ? line.replace(/(?<=#\d+: ).*/, '') : line)).toEqual(told.map(({ head, words = '' }) => head + words))
})

test.each(['docs/rudp.md', 'docs/architecture.md'])('every file of the transport that %s names exists', path => {
  const page = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
  const section = path.endsWith('rudp.md') ? page : /## The path of one page over RUDP[\s\S]*?\n## /.exec(page)?.[0] ?? ''
  const named = [...section.matchAll(/`((?:[a-z-]+\/)*[a-z-]+\.ts)`/g)].map(([, name = '']) => name)
  const homes = ['', 'core/', '../', '../../']
  expect(named.length).toBeGreaterThan(15)
  expect(named.filter(name => !homes.some(home => existsSync(new URL(`${home}${name}`, import.meta.url))))).toEqual([])
})

// ── encrypted ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const bytesOf = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const toHex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex')
const encryptedVectors = allVectors.filter(({ summary }) => summary.startsWith('encrypted')).map(({ hex, summary }) => ({ hex, summary: summary.slice('encrypted '.length) }))
const [identity, prekey, share] = [7, 9, 5].map(value => nodeCryptography.keyPair(new Uint8Array(32).fill(value)))

/** The packet protection of the vectors, for one of the ends. */
function protectionOf(role: 'initiator' | 'acceptor', cryptography = nodeCryptography) {
  if (identity === undefined || prekey === undefined || share === undefined) return expect.unreachable('there are three')
  const agreement = { withIdentity: share.agree(identity.publicKey) ?? NOTHING, withPrekey: share.agree(prekey.publicKey) ?? NOTHING }
  const hello = { prekeyNumber: 1, share: share.publicKey, token: bytesOf('01020304') }
  return deriveProtection(cryptography, role, 0x0123456789abcd, agreement, hello, { identity: identity.publicKey, prekeyNumber: 1, prekey: prekey.publicKey })
}
const NOTHING = new Uint8Array(0)

test('the keys of the encrypted vectors are those in the document', () => {
  expect([identity, prekey, share].map(pair => toHex(pair?.publicKey))).toEqual([...text.matchAll(/^(?:public)? +([0-9a-f]{64}) {2}(?:identity|prekey 1|share)$/gm)].map(([, hex]) => hex))
  expect([identity, prekey].map(pair => toHex(share?.agree(pair?.publicKey ?? NOTHING)))).toEqual([...text.matchAll(/^(?:agreed)? +([0-9a-f]{64}) {2}with the (?:identity|prekey)$/gm)].map(([, hex]) => hex))
})

test('the derived keys and reset token are those in the document', () => {
  const derived: string[] = []
  protectionOf('acceptor', {
    ...nodeCryptography,
    derive(...args) {
      const bytes = nodeCryptography.derive(...args)
      derived.push(toHex(bytes))
      return bytes
    },
  })
  expect(derived).toEqual([/^keys {4}([0-9a-f]{112})$/m.exec(text)?.[1]])
  const acceptor = new AcceptorEncryption(nodeCryptography, seededRandom(1), new Uint8Array(32).fill(7))
  const sourceId = 0x1122334455667
  const { hex = '' } = encryptedVectors.at(-1) ?? {}
  expect(decodeEncryptedPacket(bytesOf(hex))).toEqual({ type: 'RESET', destinationId: 0, sourceId, number: 0, code: CLOSE_CODES.indexOf('unknown'), resetToken: acceptor.resetToken(sourceId) })
})

test('there is an encrypted vector of each form', () => {
  expect(encryptedVectors.map(({ summary }) => summary.split(' ')[0])).toEqual(['HELLO', 'RETRY', 'HELLO', 'WELCOME', 'SHORT', 'RESET'])
})

test.each(encryptedVectors)('encrypted $summary decrypts from these bytes and encrypts to them', ({ hex, summary }) => {
  const bytes = bytesOf(hex)
  const packet = decodeEncryptedPacket(bytes)
  const { type, number } = packet
  if (type === 'RETRY' || type === 'RESET' || (type === 'HELLO' && packet.token.length === 0)) return expect(`${type} #${number}`).toBe(summary)
  const [sender, receiver] = type === 'WELCOME' ? ['acceptor', 'initiator'] as const : ['initiator', 'acceptor'] as const
  const opened = protectionOf(receiver).open(packet, bytes) ?? expect.unreachable('it opens')
  expect(summarizePacket(opened)).toBe(summary)
  const made = new Uint8Array(bytes.length)
  made.set(bytes.subarray(0, packet.contentAt))
  const view = new DataView(made.buffer)
  const endAt = opened.frames.reduce((at, frame) => encodeFrame(frame, made, view, at), packet.contentAt)
  expect(protectionOf(sender).encrypt(type, number, made, 0, packet.contentAt, endAt)).toBe(bytes.length)
  expect(toHex(made)).toBe(hex)
})
