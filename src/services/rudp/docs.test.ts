// docs/rudp.md is a specification: what it prints of the code's tables and bytes has to be what the code does.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { STATES } from './core/states.ts'
import { RECEIVE_STATES, SEND_STATES } from './core/stream-states.ts'
import { formatFrames, formatStates } from './testing/tables.ts'
import { CLOSE_CODES } from './wire/frames.ts'
import { decodePacket, encodePacket, summarizePacket } from './wire/packet.ts'

const text = readFileSync(new URL('../../../docs/rudp.md', import.meta.url), 'utf8')
const marked = (name: string) => new RegExp(`<!-- ${name}: [^\\n]*-->\\n([\\s\\S]*?)\\n<!-- end -->`).exec(text)?.[1]

test('the figures of the states are those of the tables', () => {
  expect(marked('states')).toBe(formatStates(Object.fromEntries(Object.entries(STATES).map(([state, { on }]) => [state, on]))))
  expect(marked('send states')).toBe(formatStates(SEND_STATES))
  expect(marked('receive states')).toBe(formatStates(RECEIVE_STATES))
})

test('the table of frames is the one that the codec has', () => {
  expect(marked('frames')).toBe(formatFrames())
})

test('the codes of CONNECTION_CLOSE are those of the code', () => {
  const codes = CLOSE_CODES.map((name, code) => `${code} ${name.replace('-', ' ')}`).join(', ')
  expect(text).toContain(`Codes of CONNECTION_CLOSE: ${codes}.`)
})

const vectors = [...text.matchAll(/^([0-9a-f]{50,})\n {4}(.*)$/gm)].map(([, hex = '', summary = '']) => ({ hex, summary }))

test('the test vectors are many enough to be one of each form', () => {
  expect(vectors.map(({ summary }) => summary.split(' ')[0])).toEqual(['HELLO', 'RETRY', 'HELLO', 'SHORT', 'RESET', 'VERSIONS'])
})

test.each(vectors)('$summary is the packet of these bytes, and the other way round', ({ hex, summary }) => {
  const packet = decodePacket(Uint8Array.from(Buffer.from(hex, 'hex')))
  expect(summarizePacket(packet)).toBe(summary)
  expect(Buffer.from(encodePacket(packet)).toString('hex')).toBe(hex)
})
