// Disk failures under `hamlet dhcp`, injected into its system calls by strace.
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { formatIpv4, parseIpv4 } from '../../src/services/kit/ip-address.ts'
import { decodeMessage, encodeMessage, MESSAGE_TYPE, type Message } from '../../src/services/dhcp/wire/message.ts'
import type { Options } from '../../src/services/dhcp/wire/options.ts'
import { emptyFolder, RunningHamlet } from '../support/hamlet.ts'
import { trace } from '../support/strace.ts'
import { askBytesByUdp } from '../support/udp.ts'

const SERVER = parseIpv4('127.0.0.1') ?? 0
const RECOVERS_WITHIN_MS = 40_000
/** strace counts calls per thread: with a single file thread, the first call is the first overall. */
const ONE_FILE_THREAD = { environment: { UV_THREADPOOL_SIZE: '1' } }

let folder: string
let server: RunningHamlet
let port: number
beforeEach(async () => {
  folder = emptyFolder()
  await start()
})
afterEach(() => server.stop('SIGKILL'))

async function start(): Promise<void> {
  server = new RunningHamlet(['dhcp', '--host', '127.0.0.1', '--port', '0', '--data', folder], ONE_FILE_THREAD)
  const [, taken = ''] = await server.line(/^Server is running on port (\d+)/)
  port = Number(taken)
}

async function ask(client: number, options: Options): Promise<Message> {
  const bytes = encodeMessage({
    op: 1, htype: 1, hops: 0, xid: client, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, chaddr: Uint8Array.of(2, 0, 0, 0, 0, client), sname: '', file: '', options,
  })
  return decodeMessage(await askBytesByUdp(port, bytes))
}

/** The address that a client leased with an ACK; undefined if none came. */
async function leased(client: number): Promise<string | undefined> {
  const { yiaddr } = await ask(client, { messageType: MESSAGE_TYPE.DISCOVER })
  const reply = await ask(client, { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: yiaddr, serverIdentifier: SERVER }).catch(() => undefined)
  return reply?.options.messageType === MESSAGE_TYPE.ACK ? formatIpv4(reply.yiaddr) : undefined
}

/** The address that a returning client (INIT-REBOOT) is confirmed, if any. */
async function confirmed(client: number, address: string): Promise<string | undefined> {
  const { options, yiaddr } = await ask(client, { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: parseIpv4(address) ?? 0 })
  return options.messageType === MESSAGE_TYPE.ACK ? formatIpv4(yiaddr) : undefined
}

async function leaseTo(clients: readonly number[]): Promise<Map<number, string>> {
  const leases = new Map<number, string>()
  for (const client of clients) leases.set(client, await leased(client) ?? expect.unreachable(`client ${client} has a lease`))
  return leases
}

async function expectKnownAfterKill(leases: ReadonlyMap<number, string>): Promise<void> {
  await server.stop('SIGKILL')
  await start()
  for (const [client, address] of leases) expect(await confirmed(client, address), `client ${client}`).toBe(address)
}

test('a failed fdatasync (EIO) acknowledges no lease, and the server recovers once the leases are in a new file', async () => {
  const before = await leaseTo([1, 2, 3])
  const strace = await trace(server.pid, '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=1')
  expect(await leased(10)).toBe(undefined)
  await server.line(/the disk reports an I\/O error/, 'stderr')
  await expect.poll(() => leased(11), { timeout: RECOVERS_WITHIN_MS, interval: 200 }).toBeDefined()
  const calls = await strace.stop()
  expect(calls.filter(({ text }) => text.includes('EIO')), 'strace failed one call').toHaveLength(1)
  const after = await leaseTo([12])
  await expectKnownAfterKill(new Map([...before, ...after]))
})

test('a full disk (ENOSPC) acknowledges no lease, and the server recovers once there is space again', async () => {
  const before = await leaseTo([1, 2, 3])
  const files = ['leases.jsonl', 'leases.jsonl.new'].flatMap(name => ['-P', join(folder, name)])
  const strace = await trace(server.pid, ...files, '-e', 'trace=pwrite64', '-e', 'inject=pwrite64:error=ENOSPC')
  for (const refused of await Promise.all([10, 11, 12].map(leased))) expect(refused).toBe(undefined)
  await server.line(/the disk is full/, 'stderr')
  expect(await leased(13)).toBe(undefined)
  await strace.stop()
  await expect.poll(() => leased(14), { timeout: RECOVERS_WITHIN_MS, interval: 200 }).toBeDefined()
  const after = await leaseTo([15])
  await expectKnownAfterKill(new Map([...before, ...after]))
})
