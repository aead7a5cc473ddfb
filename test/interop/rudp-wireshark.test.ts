// Wireshark reads RUDP by docs/wireshark/rudp.lua as Hamlet itself does: every packet of a lossy transfer, in the same words.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { SideName } from '../../src/services/rudp/core/pair.ts'
import { bytesOf, transfer } from '../../src/services/rudp/testing/transfer.ts'
import { encrypted } from '../../src/services/rudp/testing/encryption.ts'
import { decodeEncryptedPacket, encodeEncryptedReset } from '../../src/services/rudp/wire/encrypted-packet.ts'
import type { Frame } from '../../src/services/rudp/wire/frames.ts'
import { decodePacket, encodePacket, summarizePacket } from '../../src/services/rudp/wire/packet.ts'

const DISSECTOR = new URL('../../docs/wireshark/rudp.lua', import.meta.url).pathname

/** A capture file (pcap, raw IP) of datagrams to UDP port 8080. */
function capture(datagrams: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(24)
  head.writeUInt32LE(0xa1b2c3d4, 0)
  head.writeUInt16LE(2, 4)
  head.writeUInt16LE(4, 6)
  head.writeUInt32LE(65_535, 16)
  head.writeUInt32LE(101, 20)
  return Buffer.concat([head, ...datagrams.flatMap((datagram, index) => {
    const record = Buffer.alloc(16 + 28)
    record.writeUInt32LE(index, 0)
    record.writeUInt32LE(28 + datagram.length, 8)
    record.writeUInt32LE(28 + datagram.length, 12)
    record.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2], 16)
    record.writeUInt16BE(28 + datagram.length, 18)
    record.writeUInt16BE(50_000, 36)
    record.writeUInt16BE(8080, 38)
    record.writeUInt16BE(8 + datagram.length, 40)
    return [record, datagram]
  })])
}

function tshark(datagrams: readonly Uint8Array[], ...fields: string[]): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'hamlet-rudp-'))
  try {
    const file = join(folder, 'rudp.pcap')
    writeFileSync(file, capture(datagrams))
    const output = execFileSync('tshark', [
      '-X', `lua_script:${DISSECTOR}`, '-r', file, '-T', 'fields', '-E', 'separator=|', ...fields.flatMap(field => ['-e', field]),
    ], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return output.trimEnd().split('\n').map(line => line.split('|'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('every packet of a lossy transfer is read in the same words, and every checksum is good', () => {
  const datagrams: Uint8Array[] = []
  const { pair, isComplete } = transfer({ seed: 1, link: { delayMs: 10, loss: 0.1 }, tap: (_from, bytes) => { datagrams.push(bytes.slice()) } }, bytesOf(100_000, 1), bytesOf(50_000, 2))
  pair.run(isComplete, 10_000)
  pair.wait(1000)
  const read = tshark(datagrams, '_ws.col.Protocol', '_ws.col.Info', 'hrudp.checksum.good')
  expect(read.map(([protocol]) => protocol)).toEqual(datagrams.map(() => 'RUDP'))
  expect(read.map(([, info]) => info)).toEqual(datagrams.map(bytes => summarizePacket(decodePacket(bytes))))
  expect(read.some(([, info]) => info?.includes('PARITY'))).toBe(true)
  expect(read.every(([, , good]) => good === 'True' || good === '1')).toBe(true)
})

test('of an encrypted transfer everything is read that stands in the clear, every checksum is good, and lengths add up', () => {
  const datagrams: Uint8Array[] = []
  const options = { seed: 2, link: { delayMs: 10, loss: 0.1 }, encryption: encrypted(), tap: (_from: SideName, bytes: Uint8Array) => { datagrams.push(bytes.slice()) } }
  const { pair, isComplete } = transfer(options, bytesOf(30_000, 1), bytesOf(30_000, 2))
  pair.run(isComplete, 10_000)
  datagrams.push(encodeEncryptedReset(0, 77, 2, new Uint8Array(16).fill(3)))
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
  const expected = datagrams.map(bytes => {
    const packet = decodeEncryptedPacket(bytes)
    const content = (contentAt: number) => `${bytes.length - 16 - contentAt} bytes encrypted`
    const head = `${packet.type} #${packet.number}: `
    switch (packet.type) {
      case 'SHORT': case 'WELCOME': return [head + content(packet.contentAt), '', '', '', '']
      case 'HELLO': return [head + (packet.token.length === 0 ? 'asks for a token and keys' : `TOKEN, key, ${content(packet.contentAt)}`), hex(packet.share), '', hex(packet.token), '']
      case 'RETRY': return [`${head}TOKEN, keys`, '', hex(packet.identity), hex(packet.token), '']
      case 'RESET': return [`${head}CONNECTION_CLOSE unknown`, '', '', '', hex(packet.resetToken)]
    }
  })
  const read = tshark(datagrams, '_ws.col.Info', 'hrudp.share', 'hrudp.identity', 'hrudp.token', 'hrudp.reset_token', '_ws.col.Protocol', 'hrudp.checksum.good')
  expect(read.map(columns => columns.slice(0, 5))).toEqual(expected)
  expect(read.map(([, , , , , protocol]) => protocol)).toEqual(datagrams.map(() => 'RUDP'))
  expect(read.filter(([info]) => info?.startsWith('SHORT') === false).every(columns => /^(True|1)$/.test(columns[6] ?? ''))).toBe(true)
})

test('a parity is read with all its fields', () => {
  const parity: Frame = { kind: 'PARITY', streamId: 4, finalSize: 30_000, sum: 0xfe010203, data: Uint8Array.of(1, 2, 0xff) }
  const fields = ['hrudp.stream', 'hrudp.parity.final_size', 'hrudp.parity.sum', 'hrudp.parity', 'hrudp.limit', '_ws.col.Info']
  const packet = encodePacket({ type: 'SHORT', destinationId: 5, number: 7, frames: [{ kind: 'MAX_DATA', limit: 9 }, parity] })
  expect(tshark([packet], ...fields)).toEqual([['4', '30000', '0xfe010203', '0102ff', '9', 'SHORT #7: MAX_DATA 9, PARITY 4 of 30000 by 3']])
})

test('rarer packets are read as well, and damage shows', () => {
  const rare = [
    encodePacket({ type: 'VERSIONS', destinationId: 5, sourceId: 0, versions: [0x48520002, 0x48520003] }),
    encodePacket({ type: 'RESET', destinationId: 0, sourceId: 77, number: 0, frames: [{ kind: 'CONNECTION_CLOSE', code: 2 }] }),
    encodePacket({
      type: 'SHORT', destinationId: 2 ** 51, number: 9, frames: [
        { kind: 'RESET_STREAM', streamId: 4, code: 0, finalSize: 2 ** 40 }, { kind: 'STOP_SENDING', streamId: 8, code: 0 }, { kind: 'PATH_CHALLENGE', value: 1 }, { kind: 'MAX_STREAMS', limit: 200 },
        { kind: 'STREAM', streamId: 12, offset: 2 ** 40, fin: true, data: Uint8Array.of(1, 2) },
      ],
    }),
  ]
  const damaged = encodePacket({ type: 'SHORT', destinationId: 3, number: 1, frames: [{ kind: 'MAX_DATA', limit: 1000 }] })
  damaged[16] = 2
  const read = tshark([...rare, damaged], '_ws.col.Info', 'hrudp.checksum.good')
  expect(read.slice(0, 3).map(([info]) => info)).toEqual(rare.map(bytes => summarizePacket(decodePacket(bytes))))
  expect(read[3]?.[1]).toMatch(/^(False|0)$/)
})
