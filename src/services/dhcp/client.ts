/**
 * The DHCP client on real sockets. It learns what a server lends and tells; this machine's interfaces stay as they are.
 * core/client.ts decides.
 *
 * A Hamlet server answers to wherever it was asked from, so nobody needs privileges for its port 6767. Servers on port 67
 * answer to port 68, by broadcast where they are asked to: heard by a socket for 0.0.0.0 alone, which needs the right to a
 * low port. Without that right, or where another client has the port, a Hamlet server on port 67 still answers.
 */
import { link, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Endpoint, Path } from '../kit/endpoint.ts'
import { formatEndpoint } from '../kit/endpoint.ts'
import { HamletError, UsageError } from '../kit/errors.ts'
import { isLoopback, parseIpv4 } from '../kit/ip-address.ts'
import type { Clock } from '../kit/node/clock.ts'
import { makeDataFolder } from '../kit/node/data-folder.ts'
import { diskError, errnoOf } from '../kit/node/disk.ts'
import { addressTowards } from '../kit/node/address-towards.ts'
import { drive } from '../kit/node/drive.ts'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import { onSamePort } from '../kit/node/same-port.ts'
import type { DatagramDoor, DoorOptions } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { Random } from '../kit/random.ts'
import type { TraceRing } from '../kit/trace.ts'
import { DhcpClient, type ClientEvent } from './core/client.ts'
import { DhcpInform } from './core/inform.ts'
import type { Lease } from './core/lease.ts'
import { encodeRelease } from './core/question.ts'
import { formatMac, parseMac } from './wire/hardware-address.ts'

export type { Lease } from './core/lease.ts'

/** Hamlet's port for DHCP: needs no privileges and disturbs no other server. */
const DHCP_PORT = 6767
const STANDARD_SERVER_PORT = 67
const STANDARD_CLIENT_PORT = 68
const ALL = '255.255.255.255'
const OBTAIN_WITHIN_MS = 4000
/** Interfaces beyond these are not asked on. */
const INTERFACES_MAX = 32

export interface LeaseQuestion {
  /** 255.255.255.255: all servers on that port, by broadcast from every interface. Undefined: the same on port 6767, and on loopback. */
  readonly server: Endpoint | undefined
  /** `02:00:5e:00:00:01`: who asks; storedMac has this machine's. */
  readonly mac: string
  readonly hostName: string
  readonly clock: Clock
  readonly random: Random
  readonly trace: TraceRing
}

/**
 * Gets a lease.
 * @param question.timeoutMs how long to try, 4 s if not said
 * @param question.probe returns what the server would lend, and takes nothing
 * @param question.remembered an address that this machine had: asked for again before any other
 * @throws HamletError no-lease; UsageError where server or mac cannot be used
 */
export async function obtainLease(question: LeaseQuestion & { readonly timeoutMs?: number; readonly probe?: boolean; readonly remembered?: string }): Promise<Lease> {
  const { clock, timeoutMs = OBTAIN_WITHIN_MS, probe = false, remembered } = question
  let settle = (_event: ClientEvent) => {}
  const asking = await openClient(question, { probe, remembered: parseIpv4(remembered ?? '') ?? 0 }, event => settle(event))
  let refusal: string | undefined
  try {
    return await new Promise((resolve, reject) => {
      const cancel = clock.wakeAt(clock.nowMs() + timeoutMs, () => reject(noLease(question.server, timeoutMs, refusal)))
      settle = event => {
        if (event.kind === 'refused') refusal = event.why
        if (event.kind !== 'bound' && event.kind !== 'offered') return
        cancel()
        resolve(event.lease)
      }
      asking.start()
    })
  } finally {
    await asking.close()
  }
}

/**
 * Asks what goes with the addresses that this machine has: DNS server, domain, router. Nothing is lent.
 * @throws HamletError no-lease; UsageError where server or mac cannot be used
 */
export async function inform(question: Omit<LeaseQuestion, 'hostName'>): Promise<Lease> {
  const { server, mac, clock, random, trace } = question
  const sockets = await openSockets(server, { receive: batch => driver.receive(batch) }, trace, clock)
  const towards = server === undefined || server.address === ALL ? undefined : await addressTowards(server)
  const wires = sockets.ways.map(path => ({ path, ciaddr: parseIpv4(towards ?? path.local.address) ?? 0 }))
  const machine = new DhcpInform(macBytes(mac), wires, random)
  let settle = (_lease: Lease) => {}
  const driver = drive({ machine, clock, door: () => sockets.door, onEvent: ({ lease }) => settle(lease) })
  try {
    return await new Promise((resolve, reject) => {
      settle = resolve
      clock.wakeAt(clock.nowMs() + OBTAIN_WITHIN_MS, () => reject(noLease(server, OBTAIN_WITHIN_MS, undefined)))
      machine.start(clock.nowMs())
      driver.drain()
    })
  } finally {
    driver.stop()
    await sockets.door.close()
  }
}

/** Gives a lease back. No answer is expected, so none is waited for. */
export async function releaseLease(lease: Lease, { server, mac, random, clock, trace }: Omit<LeaseQuestion, 'hostName'>): Promise<void> {
  const { door } = await openSockets({ address: lease.server, port: server?.port ?? DHCP_PORT }, { receive: () => undefined }, trace, clock)
  door.send(door.pathTo({ address: lease.server, port: server?.port ?? DHCP_PORT }), encodeRelease(macBytes(mac), random.uint32(), parseIpv4(lease.address) ?? 0, parseIpv4(lease.server) ?? 0))
  door.flush()
  await door.close()
}

export interface KeptLease {
  /** Undefined as long as no server lent anything. */
  lease(): Lease | undefined
  /** Renews no more. The lease stays this machine's until it ends: whoever asks again with the same mac gets the same address. */
  stop(): Promise<void>
}

/**
 * Gets a lease and keeps it: renews at T1, asks all servers at T2, begins again when it is lost or refused. Never gives up.
 * @param question.onLease told of every lease, and of its end (undefined) with the reason
 */
export function keepLease(question: LeaseQuestion & { onLease(lease: Lease | undefined, why: string): void }): KeptLease {
  let lease: Lease | undefined
  const change = (to: Lease | undefined, why: string) => {
    lease = to
    question.onLease(to, why)
  }
  const asking = openClient(question, { probe: false, remembered: 0 }, event => {
    switch (event.kind) {
      case 'bound': return change(event.lease, `lent by ${event.lease.server}`)
      case 'lost': return change(undefined, event.why)
      case 'refused': return lease === undefined ? change(undefined, event.why) : undefined
      default: // States and offers are for whoever draws them.
    }
  })
  asking.then(({ start }) => start(), (error: unknown) => change(undefined, error instanceof HamletError ? error.parts.why : String(error)))
  return { lease: () => lease, stop: () => asking.then(({ close }) => close(), () => undefined) }
}

/**
 * This machine's hardware address for DHCP: made once (locally administered, so it is nobody else's), kept in the file `mac`.
 * @throws HamletError disk-failed; folder-missing; file-damaged where the file holds something else
 */
export async function storedMac(dataFolder: string, random: Random): Promise<string> {
  const path = join(dataFolder, 'mac')
  const mine = `${path}.${random.uint32().toString(16)}`
  try {
    const stored = await readMac(path)
    if (stored !== undefined) return stored
    await makeDataFolder(dataFolder)
    await writeFile(mine, `${newMac(random)}\n`)
    // A link is made whole or not at all, and never over a file that another process made meanwhile.
    await link(mine, path).catch((error: unknown) => { if (errnoOf(error) !== 'EEXIST') throw error }).finally(() => unlink(mine))
    return await readMac(path) ?? ''
  } catch (error) {
    throw diskError(error, path, 'the hardware address for DHCP could not be stored')
  }
}

async function readMac(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const bytes = parseMac(text.trim())
  if (bytes !== undefined) return formatMac(bytes)
  throw new HamletError({
    code: 'file-damaged', what: 'the hardware address for DHCP could not be read', why: `${path} holds no address such as 02:00:5e:00:00:01`,
    done: 'it was left as it is', remedy: 'delete the file; a new address is made then',
  })
}

/** The second bit of the first byte says "locally administered", the first one, cleared, "one station" (IEEE 802). */
function newMac(random: Random): string {
  const bytes = Uint8Array.from({ length: 6 }, () => random.uint32() & 255)
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02
  return formatMac(bytes)
}

/** The machine on its sockets. Nothing is sent before `start`. */
async function openClient({ server, mac, hostName, clock, random, trace }: LeaseQuestion, wish: { readonly probe: boolean; readonly remembered: number }, onEvent: (event: ClientEvent) => void) {
  const bytes = macBytes(mac)
  const { door, ways, standard } = await openSockets(server, { receive: batch => driver.receive(batch) }, trace, clock)
  const machine = new DhcpClient({ mac: bytes, hostName, random, toAll: ways, standard, ...wish })
  const driver = drive({ machine, clock, door: () => door, onEvent })
  return {
    start() {
      machine.start(clock.nowMs())
      driver.drain()
    },
    async close() {
      driver.stop()
      await door.close()
    },
  }
}

interface Sockets {
  readonly door: DatagramDoor
  /** How the server, or all of them, are asked. */
  readonly ways: readonly Path[]
  /** On port 68, where standard servers answer to. */
  readonly standard: boolean
}

/** A socket on each address, so that a broadcast leaves by every interface: the system picks it by the address that a socket is bound to. */
async function openSockets(server: Endpoint | undefined, { receive }: Pick<DoorOptions, 'receive'>, trace: TraceRing, clock: Clock): Promise<Sockets> {
  if (server !== undefined && parseIpv4(server.address) === undefined) {
    throw new UsageError(`the DHCP server cannot be ${formatEndpoint(server)}`, 'DHCP is for IPv4 only', 'give its IPv4 address, such as --dhcp 192.168.1.1')
  }
  const toAll = server === undefined || server.address === ALL
  const port = server?.port ?? DHCP_PORT
  const every = localIpv4Addresses().filter(({ loopback }) => server === undefined || !loopback).slice(0, INTERFACES_MAX).map(({ address }) => address)
  const addresses = toAll ? every : [isLoopback(server.address) ? '127.0.0.1' : '0.0.0.0']
  const waysOf = (door: DatagramDoor) => toAll
    ? addresses.map(address => door.pathTo({ address: isLoopback(address) ? '127.0.0.1' : ALL, port }, address))
    : [door.pathTo(server, addresses[0])]
  const open = (localPort: number) => openTracedDoor({ addresses, port: localPort, receive, broadcast: true }, trace, 'dhcp', clock)
  const isLan = server !== undefined && !isLoopback(server.address)
  if (isLan && port === STANDARD_SERVER_PORT) {
    const onStandardPort = { addresses: ['0.0.0.0', ...addresses.filter(address => address !== '0.0.0.0')], port: STANDARD_CLIENT_PORT, receive, broadcast: true, sharePort: true }
    const door = await openTracedDoor(onStandardPort, trace, 'dhcp', clock).catch(unlessNotOurs)
    if (door !== undefined) return { door, ways: waysOf(door), standard: true }
  }
  const door = addresses.length === 1 ? await open(0) : await onSamePort(0, '127.0.0.1', open)
  return { door, ways: waysOf(door), standard: false }
}

/** Port 68 is another program's, or needs privileges: then only Hamlet's own servers answer. */
function unlessNotOurs(error: unknown): undefined {
  if (!(error instanceof HamletError) || (error.code !== 'port-taken' && error.code !== 'port-not-permitted')) throw error
}

/** @throws UsageError where the text is no hardware address */
function macBytes(mac: string): Uint8Array {
  const bytes = parseMac(mac)
  if (bytes === undefined) throw new UsageError(`the hardware address cannot be ${mac}`, 'it is not six pairs of hexadecimal digits', 'write it as 02:00:5e:00:00:01')
  return bytes
}

function noLease(server: Endpoint | undefined, timeoutMs: number, refusal: string | undefined): HamletError {
  const asked = server === undefined ? `port ${DHCP_PORT} of any interface` : formatEndpoint(server)
  const why = refusal === undefined ? `no DHCP server answered on ${asked} within ${timeoutMs / 1000} s` : `the DHCP server on ${asked} refused: ${refusal}`
  return new HamletError({ code: 'no-lease', what: 'No address could be obtained by DHCP', why, remedy: 'start a server with "hamlet dhcp", or name another one with --dhcp IP:PORT' })
}
