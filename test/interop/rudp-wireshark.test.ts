// Wireshark with docs/wireshark/rudp.lua dissects RUDP as Hamlet does: every packet of a lossy transfer, with the same
// summary.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Cryptography } from '../../src/services/rudp/core/encryption/cryptography.ts'
import { withKeyLog } from '../../src/services/rudp/core/encryption/key-log.ts'
import type { SideName } from '../../src/services/rudp/testing/pair.ts'
import { nodeCryptography } from '../../src/services/rudp/node-cryptography.ts'
import { bytesOf, transfer } from '../../src/services/rudp/testing/transfer.ts'
import { encrypted } from '../../src/services/rudp/testing/encryption.ts'
import { decodeEncryptedPacket, encodeEncryptedReset } from '../../src/services/rudp/wire/encrypted-packet.ts'
import { decodeFrames, type Frame } from '../../src/services/rudp/wire/frames.ts'
import { decodePacket, encodePacket, summarizePacket } from '../../src/services/rudp/wire/packet.ts'
import { emptyFolder, runHamlet, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, startPeer } from '../support/namespaces.ts'

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

/** @param keyLog lines of a key log */
function tshark(datagrams: readonly Uint8Array[], fields: readonly string[], keyLog: readonly string[] = []): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'hamlet-rudp-'))
  try {
    const file = join(folder, 'rudp.pcap')
    writeFileSync(file, capture(datagrams))
    const keys = join(folder, 'keys')
    writeFileSync(keys, keyLog.map(line => `${line}\n`).join(''))
    const output = execFileSync('tshark', [
      '-X', `lua_script:${DISSECTOR}`, '-o', `hrudp.key_log:${keys}`, '-r', file, '-T', 'fields', '-E', 'separator=|', ...fields.flatMap(field => ['-e', field]),
    ], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return output.trimEnd().split('\n').map(line => line.split('|'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

test('every packet of a lossy transfer has the same summary, and every checksum is good', () => {
  const datagrams: Uint8Array[] = []
  const { pair, isComplete } = transfer({ seed: 1, link: { delayMs: 10, loss: 0.1 }, tap: (_from, bytes) => { datagrams.push(bytes.slice()) } }, bytesOf(100_000, 1), bytesOf(50_000, 2))
  pair.run(isComplete, 10_000)
  pair.wait(1000)
  const read = tshark(datagrams, ['_ws.col.Protocol', '_ws.col.Info', 'hrudp.checksum.good'])
  expect(read.map(([protocol]) => protocol)).toEqual(datagrams.map(() => 'RUDP'))
  expect(read.map(([, info]) => info)).toEqual(datagrams.map(bytes => summarizePacket(decodePacket(bytes))))
  expect(read.some(([, info]) => info?.includes('PARITY'))).toBe(true)
  expect(read.every(([, , good]) => good === 'True' || good === '1')).toBe(true)
})

/**
 * Datagrams as a capture on the sending machine shows them: a run of equal lengths, with a shorter one at its end,
 * appears as one.
 */
function trainsOf(datagrams: readonly Uint8Array[], isFirst: (index: number) => boolean): Uint8Array[][] {
  const trains: Uint8Array[][] = []
  for (const [index, datagram] of datagrams.entries()) {
    const train = trains[trains.length - 1]
    const [first, last] = [train?.[0]?.length ?? 0, train?.[train.length - 1]?.length ?? 0]
    if (train === undefined || isFirst(index) || last < first || datagram.length > first) trains.push([datagram])
    else train.push(datagram)
  }
  return trains
}

test('packets sent by one system call are dissected one by one', () => {
  const datagrams: Uint8Array[] = []
  const senders: SideName[] = []
  const { pair, isComplete } = transfer({ seed: 4, link: { delayMs: 10 }, tap: (from, bytes) => { datagrams.push(bytes.slice()), senders.push(from) } }, bytesOf(30_000, 1), bytesOf(50_000, 2))
  pair.run(isComplete, 10_000)
  const trains = trainsOf(datagrams, index => senders[index] !== senders[index - 1])
  expect(trains.some(({ length }) => length > 5)).toBe(true)
  const read = tshark(trains.map(train => Buffer.concat(train)), ['_ws.col.Info', 'hrudp.checksum.good'])
  expect(read.map(([info]) => info)).toEqual(trains.map(train => train.map(bytes => summarizePacket(decodePacket(bytes))).join('; ')))
  expect(read.every(([, good]) => /^((True|1),?)+$/.test(good ?? ''))).toBe(true)
})

test('encrypted packets sent by one system call are dissected one by one, too', () => {
  const { datagrams, keyLog } = encryptedTransfer()
  const isLong = (bytes: Uint8Array | undefined) => bytes !== undefined && (bytes[0] ?? 0) >= 0x80
  const idOf = (bytes: Uint8Array | undefined) => Buffer.from(bytes?.subarray(1, 9) ?? []).toString('hex')
  const trains = trainsOf(datagrams, index => isLong(datagrams[index]) || isLong(datagrams[index - 1]) || idOf(datagrams[index]) !== idOf(datagrams[index - 1]))
  expect(trains.some(({ length }) => length > 5)).toBe(true)
  const alone = tshark(datagrams, ['_ws.col.Info'], keyLog).map(([info]) => info)
  expect(tshark(trains.map(train => Buffer.concat(train)), ['_ws.col.Info'], keyLog).flatMap(([info]) => info?.split('; '))).toEqual(alone)
})

test('damaged packets are marked as such, and nothing breaks', () => {
  const datagrams: Uint8Array[] = []
  const { pair, isComplete } = transfer({ seed: 5, link: { delayMs: 10 }, tap: (_from, bytes) => { datagrams.push(bytes.slice()) } }, bytesOf(3000, 1), bytesOf(3000, 2))
  pair.run(isComplete, 10_000)
  for (const [index, bytes] of datagrams.entries()) bytes.fill(0xff, 17 + index % (bytes.length - 17)) // after the ids of a short packet
  const read = tshark(datagrams, ['_ws.col.Info', '_ws.lua.error'])
  expect(read.map(([info, fault]) => [info?.replace(/^SHORT #\d+: /, ''), fault])).toEqual(datagrams.map(() => ['damaged in transit, or truncated by the capture', '']))
})

test('everything unencrypted in an encrypted transfer is dissected, every checksum is good, and the lengths add up', () => {
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
  const read = tshark(datagrams, ['_ws.col.Info', 'hrudp.share', 'hrudp.identity', 'hrudp.token', 'hrudp.reset_token', '_ws.col.Protocol', 'hrudp.checksum.good'])
  expect(read.map(columns => columns.slice(0, 5))).toEqual(expected)
  expect(read.map(([, , , , , protocol]) => protocol)).toEqual(datagrams.map(() => 'RUDP'))
  expect(read.filter(([info]) => info?.startsWith('SHORT') === false).every(columns => /^(True|1)$/.test(columns[6] ?? ''))).toBe(true)
})

test('with the key log, every frame of an encrypted transfer is dissected as the peers wrote it', () => {
  const { datagrams, keyLog, framesOf } = encryptedTransfer()
  const expected = datagrams.map(bytes => {
    const packet = decodeEncryptedPacket(bytes)
    const frames = framesOf(bytes)
    if (frames === undefined) return `${packet.type} #${packet.number}: ${packet.type === 'RETRY' ? 'TOKEN, keys' : 'asks for a token and keys'}`
    const summary = summarizePacket({ type: 'SHORT', destinationId: packet.destinationId, number: packet.number, frames }).replace('SHORT', packet.type)
    return packet.type === 'HELLO' ? summary.replace(': ', ': TOKEN, key, ') : summary
  })
  expect(expected.some(line => line.includes('PARITY'))).toBe(true)
  expect(expected.some(line => line.startsWith('WELCOME'))).toBe(true)
  expect(tshark(datagrams, ['_ws.col.Info'], keyLog)).toEqual(expected.map(line => [line]))
})

test('a key log with the wrong keys shows no frames, and nothing breaks', () => {
  const { datagrams, keyLog } = encryptedTransfer()
  const others = keyLog.map(line => line.slice(0, -112) + '5a'.repeat(56))
  const read = tshark(datagrams, ['_ws.col.Info', '_ws.lua.error'], others)
  expect(read.map(([, fault]) => fault)).toEqual(datagrams.map(() => ''))
  const sealed = read.filter(([info]) => info?.endsWith('keys') === true && !info.includes('asks') && !info.includes('TOKEN, keys'))
  expect(sealed.length).toBeGreaterThan(datagrams.length / 2)
})

test('an encrypted page captured on the wire is readable with the key log of `hamlet fetch`, and only with it', async () => {
  const { namespaces: { host, visitor }, remove } = createNetwork({ host: '10.78.0.1/24', visitor: '10.78.0.2/24' })
  const folder = emptyFolder()
  const server = new RunningHamlet(['server', '--host', '10.78.0.1', '--encryption', 'required', '--data', emptyFolder()], { namespace: host })
  try {
    await server.line(/^\[server\] RUDP listening on 10\.78\.0\.1:8080$/)
    const [file, keyLog] = [join(folder, 'page.pcapng'), join(folder, 'keys.txt')]
    const capturing = await startPeer(visitor, 'tshark', ['-i', 'eth0', '-w', file, '-f', 'udp port 8080'], /Capture started/)
    const page = await runHamlet(['fetch', 'rudp://10.78.0.1/', '--encrypt', '--key_log', keyLog, '--data', folder], { namespace: visitor })
    expect([page.status, page.stdout]).toEqual([0, expect.stringContaining('<html')])
    const carried = (...more: string[]) => {
      const pieces = run(undefined, 'tshark', '-X', `lua_script:${DISSECTOR}`, ...more, '-r', file, '-T', 'fields', '-e', 'hrudp.data').trim()
      return Buffer.from(pieces.replace(/[^0-9a-f]/g, ''), 'hex').toString()
    }
    await expect.poll(() => carried('-o', `hrudp.key_log:${keyLog}`), { timeout: 10_000, interval: 200 }).toContain(page.stdout.slice(0, 500))
    expect(carried('-o', `hrudp.key_log:${keyLog}`)).toMatch(/^GET \/ HTTP\/1\.1\r\n/)
    expect(carried()).toBe('')
    await capturing.stop()
  } finally {
    await server.stop()
    remove()
  }
})

/** Every datagram of an encrypted transfer, even lost ones, the client's key log, and the unencrypted frames. */
function encryptedTransfer() {
  const datagrams: Uint8Array[] = []
  const keyLog: string[] = []
  const written = new Map<string, Frame[]>()
  const tagOf = (bytes: Uint8Array) => Buffer.from(bytes.subarray(-16)).toString('hex')
  const watched: Cryptography = {
    ...nodeCryptography,
    cipher(key) {
      const cipher = nodeCryptography.cipher(key)
      return {
        open: cipher.open.bind(cipher),
        seal(nonce, bytes, authenticatedAt, from, to) {
          const content = bytes.slice(from, to)
          cipher.seal(nonce, bytes, authenticatedAt, from, to)
          written.set(tagOf(bytes.subarray(0, to + 16)), decodeFrames(content, new DataView(content.buffer), 0))
        },
      }
    },
  }
  const { trusts, server } = encrypted()
  const encryption = { trusts, client: { cryptography: withKeyLog(watched, line => keyLog.push(line)) }, server: { ...server, cryptography: watched } }
  const tap = (_from: SideName, bytes: Uint8Array) => { datagrams.push(bytes.slice()) }
  const { pair, isComplete } = transfer({ seed: 3, link: { delayMs: 10, loss: 0.1 }, encryption, tap }, bytesOf(30_000, 1), bytesOf(30_000, 2))
  expect(pair.run(isComplete, 10_000)).toBe(true)
  pair.wait(1000)
  return { datagrams, keyLog, framesOf: (bytes: Uint8Array) => written.get(tagOf(bytes)) }
}

test('a PARITY frame is dissected with all its fields', () => {
  const parity: Frame = { kind: 'PARITY', streamId: 4, finalSize: 30_000, sum: 0xfe010203, data: Uint8Array.of(1, 2, 0xff) }
  const fields = ['hrudp.stream', 'hrudp.final_size', 'hrudp.parity.sum', 'hrudp.parity', 'hrudp.limit', '_ws.col.Info']
  const packet = encodePacket({ type: 'SHORT', destinationId: 5, number: 7, frames: [{ kind: 'MAX_DATA', limit: 9 }, parity] })
  expect(tshark([packet], fields)).toEqual([['4', '30000', '0xfe010203', '0102ff', '9', 'SHORT #7: MAX_DATA 9, PARITY 4 of 30000 by 3']])
})

test('each number is in the field for its meaning: a packet number is not a limit, and a final size is not a length', () => {
  const frames: Frame[] = [{ kind: 'SETTLED', number: 290 }, { kind: 'RESET_STREAM', streamId: 4, code: 6, finalSize: 2 ** 40 }, { kind: 'PATH_CHALLENGE', value: 2 ** 51 + 1 }, { kind: 'PATH_RESPONSE', value: 7 }]
  const read = tshark(frames.map((frame, number) => encodePacket({ type: 'SHORT', destinationId: 5, number, frames: [frame] })), [
    'hrudp.settled', 'hrudp.limit', 'hrudp.final_size', 'hrudp.length', 'hrudp.code', 'hrudp.challenge',
  ])
  expect(read).toEqual([
    ['290', '', '', '', '', ''], ['', '', String(2 ** 40), '', '6', ''], ['', '', '', '', '', '0x0008000000000001'], ['', '', '', '', '', '0x0000000000000007'],
  ])
})

test('rarer packets are dissected, too, and damage is detected', () => {
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
  const read = tshark([...rare, damaged], ['_ws.col.Info', 'hrudp.checksum.good'])
  expect(read.slice(0, 3).map(([info]) => info)).toEqual(rare.map(bytes => summarizePacket(decodePacket(bytes))))
  expect(read[3]?.[1]).toMatch(/^(False|0)$/)
})
