/**
 * The DHCP client on real sockets: core/client.ts is the protocol, client-sockets.ts the sockets. It obtains a lease
 * and its parameters, and leaves this machine's interfaces as they are.
 *
 * It never releases a lease. All clients with the same data folder have the same hardware address, so to the server
 * they are one client with one lease. If `hamlet lease` released it, the gateway beside it would lose its address.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatEndpoint } from '../kit/endpoint.ts'
import { HamletError, partsOf, UsageError } from '../kit/errors.ts'
import { parseIpv4 } from '../kit/ip-address.ts'
import { makeDataFolder } from '../kit/node/data-folder.ts'
import { diskError, errnoOf } from '../kit/node/disk.ts'
import { sourceAddressFor } from '../kit/node/source-address.ts'
import { drive } from '../kit/node/drive.ts'
import { createOnce } from '../kit/node/create-once.ts'
import type { Random } from '../kit/random.ts'
import { BROADCAST, DHCP_PORT, NO_LEASE, openSockets, networkState, type ClientTarget } from './client-sockets.ts'
import { DhcpClient, type ClientEvent } from './core/client.ts'
import { DhcpInform } from './core/inform.ts'
import type { Lease } from './core/lease.ts'
import { formatMac, parseMac } from './wire/hardware-address.ts'

export { formatLeaseTime, type Lease } from './core/lease.ts'

const OBTAIN_WITHIN_MS = 4000

export interface LeaseRequest extends ClientTarget {
  /** `02:00:5e:00:00:01`, the client's hardware address. storedMac returns this machine's. */
  readonly mac: string
  readonly hostName: string
  readonly random: Random
}

/**
 * Obtains a lease.
 * @param request.timeoutMs how long to try; 4 s by default
 * @param request.probe returns what the server would offer, and takes nothing
 * @param request.remembered an address this machine had before, to ask for first
 * @throws HamletError no-lease; UsageError if server or mac is invalid
 */
export async function obtainLease(request: LeaseRequest & { readonly timeoutMs?: number; readonly probe?: boolean; readonly remembered?: string }): Promise<Lease> {
  const { clock, timeoutMs = OBTAIN_WITHIN_MS, probe = false, remembered } = request
  let settle = (_event: ClientEvent) => {}
  const client = await openClient(request, { probe, remembered: parseIpv4(remembered ?? '') ?? 0 }, event => settle(event))
  let heard: string | undefined
  try {
    return await new Promise((resolve, reject) => {
      const cancel = clock.wakeAt(clock.nowMs() + timeoutMs, () => reject(noLease(request, timeoutMs, heard)))
      settle = event => {
        if (event.kind === 'refused') heard = `refused: ${event.why}`
        if (event.kind === 'state' && event.to === 'REQUESTING') heard = 'offered an address, but did not confirm it'
        if (event.kind !== 'bound' && event.kind !== 'offered') return
        cancel()
        resolve(event.lease)
      }
      client.start()
    })
  } finally {
    await client.close()
  }
}

/**
 * Asks for the parameters that go with this machine's addresses, such as DNS server, domain and router, without a
 * lease.
 * @throws HamletError no-lease; UsageError if server or mac is invalid
 */
export async function inform(request: Omit<LeaseRequest, 'hostName'>): Promise<Lease> {
  const { server, mac, clock, random } = request
  const sockets = await openSockets(request, batch => driver.receive(batch))
  const ownAddress = server === undefined || server.address === BROADCAST ? undefined : await sourceAddressFor(server)
  const targets = sockets.paths.map(path => ({ path, ciaddr: parseIpv4(ownAddress ?? path.local.address) ?? 0 })).filter(({ ciaddr }) => ciaddr !== 0)
  const machine = new DhcpInform(macBytes(mac), targets, random)
  let settle = (_lease: Lease) => {}
  const driver = drive({ machine, clock, door: () => sockets.door, onEvent: ({ lease }) => settle(lease) })
  try {
    if (targets.length === 0) throw new HamletError({ code: 'no-lease', what: NO_LEASE, why: 'no interface has an IPv4 address to ask about', remedy: 'ask for a lease, without --inform' })
    return await new Promise((resolve, reject) => {
      settle = resolve
      clock.wakeAt(clock.nowMs() + OBTAIN_WITHIN_MS, () => reject(noLease(request, OBTAIN_WITHIN_MS, undefined)))
      machine.start(clock.nowMs())
      driver.drain()
    })
  } finally {
    driver.stop()
    await sockets.door.close()
  }
}

export interface KeptLease {
  /**
   * Stops renewing. The lease remains until it expires, and the next client with the same mac gets the same address.
   */
  stop(): Promise<void>
}

/** How long a newly connected interface waits to be used, at most. */
const CHECK_EVERY_MS = 2000

/**
 * Obtains a lease and keeps it: renews at T1, rebinds at T2, and starts over when the lease is lost or refused. When
 * this machine's addresses change, it asks on the new ones, first for its current lease (RFC 2131 §3.7). Never gives
 * up.
 * @param request.onLease called with every lease, and with undefined and the reason when it ends or an attempt fails
 */
export function keepLease(request: LeaseRequest & { onLease(lease: Lease | undefined, why: string): void }): KeptLease {
  const { clock } = request
  let lease: Lease | undefined
  const change = (to: Lease | undefined, why: string) => {
    lease = to
    request.onLease(to, why)
  }
  const handle = (event: ClientEvent) => {
    switch (event.kind) {
      case 'bound': return change(event.lease, `leased from ${event.lease.server}`)
      case 'lost':
      case 'refused': return change(undefined, event.why)
      default: // State changes and offers do not matter here.
    }
  }
  let client: Client | undefined
  let openedOn = ''
  const check = async () => {
    const now = networkState()
    if (now === openedOn) return
    openedOn = ''
    await client?.close()
    client = undefined
    try {
      client = await openClient(request, { probe: false, remembered: parseIpv4(lease?.address ?? '') ?? 0 }, handle)
      openedOn = now
      client.start()
    } catch (error) {
      change(undefined, partsOf(error).why) // Retried: it may take a while until a new address can be bound.
    }
  }
  let stopped = false
  let cancel = () => {}
  const keepChecking = async () => {
    await check()
    if (!stopped) cancel = clock.wakeAt(clock.nowMs() + CHECK_EVERY_MS, () => { checking = keepChecking() })
  }
  let checking = keepChecking()
  return {
    async stop() {
      stopped = true
      cancel()
      await checking
      await client?.close()
    },
  }
}

/**
 * This machine's hardware address for DHCP, generated once and kept in the file `mac`. It is locally administered, so
 * it is no manufacturer's.
 * @throws HamletError disk-failed; folder-missing; file-damaged if the file contains something else
 */
export async function storedMac(dataFolder: string, random: Random): Promise<string> {
  const path = join(dataFolder, 'mac')
  try {
    const stored = await readMac(path)
    if (stored !== undefined) return stored
    await makeDataFolder(dataFolder)
    await createOnce(path, `${newMac(random)}\n`)
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
    code: 'file-damaged', what: 'the hardware address for DHCP could not be read', why: `${path} does not contain an address such as 02:00:5e:00:00:01`,
    done: 'it was left as it is', remedy: 'delete the file; a new address is generated then',
  })
}

/**
 * Of the first byte's lowest bits, 0x02 set means locally administered, and 0x01 clear means a single station (IEEE
 * 802).
 */
function newMac(random: Random): string {
  const bytes = Uint8Array.from({ length: 6 }, () => random.uint32() & 255)
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02
  return formatMac(bytes)
}

interface Client {
  /** Sends the first message. */
  start(): void
  close(): Promise<void>
}

/** The machine on its sockets. */
async function openClient(request: LeaseRequest, options: { readonly probe: boolean; readonly remembered: number }, onEvent: (event: ClientEvent) => void): Promise<Client> {
  const { mac, hostName, clock, random } = request
  const bytes = macBytes(mac)
  const { door, paths, repliesBroadcast } = await openSockets(request, batch => driver.receive(batch))
  const machine = new DhcpClient({ mac: bytes, hostName, random, serverPaths: paths, repliesBroadcast, ...options })
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

/** @throws UsageError if the text is not a hardware address */
function macBytes(mac: string): Uint8Array {
  const bytes = parseMac(mac)
  if (bytes === undefined) throw new UsageError(`the hardware address cannot be ${mac}`, 'it is not six pairs of hexadecimal digits', 'write it as 02:00:5e:00:00:01')
  return bytes
}

/** @param heard what the server did; undefined if it did not answer */
function noLease({ server, interfaceName }: ClientTarget, timeoutMs: number, heard: string | undefined): HamletError {
  const interfaces = interfaceName !== undefined ? ` via ${interfaceName}` : server === undefined ? ' of any interface' : ''
  const target = (server === undefined ? `port ${DHCP_PORT}` : formatEndpoint(server)) + interfaces
  const why = heard === undefined ? `no DHCP server answered on ${target} within ${timeoutMs / 1000} s` : `the DHCP server on ${target} ${heard}`
  return new HamletError({ code: 'no-lease', what: NO_LEASE, why, remedy: 'start a server with "hamlet dhcp", or name another one with --dhcp IP:PORT' })
}
