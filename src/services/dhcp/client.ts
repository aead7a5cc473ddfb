/**
 * The DHCP client on real sockets. It learns what a server lends and tells; this machine's interfaces stay as they are.
 * core/client.ts decides; client-sockets.ts says where it asks from.
 *
 * No lease is given back: all clients of one data folder are one to the server, by their hardware address, and share what it
 * lent. `hamlet lease` would take away what the gateway beside it uses, and the next call would get another address.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatEndpoint } from '../kit/endpoint.ts'
import { HamletError, partsOf, UsageError } from '../kit/errors.ts'
import { parseIpv4 } from '../kit/ip-address.ts'
import { makeDataFolder } from '../kit/node/data-folder.ts'
import { diskError, errnoOf } from '../kit/node/disk.ts'
import { addressTowards } from '../kit/node/address-towards.ts'
import { drive } from '../kit/node/drive.ts'
import { makeOnce } from '../kit/node/make-once.ts'
import type { Random } from '../kit/random.ts'
import { ALL, DHCP_PORT, NO_LEASE, openSockets, surroundings, type Asked } from './client-sockets.ts'
import { DhcpClient, type ClientEvent } from './core/client.ts'
import { DhcpInform } from './core/inform.ts'
import type { Lease } from './core/lease.ts'
import { formatMac, parseMac } from './wire/hardware-address.ts'

export { formatLeaseTime, type Lease } from './core/lease.ts'

const OBTAIN_WITHIN_MS = 4000

export interface LeaseQuestion extends Asked {
  /** `02:00:5e:00:00:01`: who asks; storedMac has this machine's. */
  readonly mac: string
  readonly hostName: string
  readonly random: Random
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
  let heard: string | undefined
  try {
    return await new Promise((resolve, reject) => {
      const cancel = clock.wakeAt(clock.nowMs() + timeoutMs, () => reject(noLease(question, timeoutMs, heard)))
      settle = event => {
        if (event.kind === 'refused') heard = `refused: ${event.why}`
        if (event.kind === 'state' && event.to === 'REQUESTING') heard = 'offered an address, and did not confirm it'
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
  const { server, mac, clock, random } = question
  const sockets = await openSockets(question, batch => driver.receive(batch))
  const towards = server === undefined || server.address === ALL ? undefined : await addressTowards(server)
  const wires = sockets.paths.map(path => ({ path, ciaddr: parseIpv4(towards ?? path.local.address) ?? 0 })).filter(({ ciaddr }) => ciaddr !== 0)
  const machine = new DhcpInform(macBytes(mac), wires, random)
  let settle = (_lease: Lease) => {}
  const driver = drive({ machine, clock, door: () => sockets.door, onEvent: ({ lease }) => settle(lease) })
  try {
    if (wires.length === 0) throw new HamletError({ code: 'no-lease', what: NO_LEASE, why: 'no interface has an IPv4 address that something could go with', remedy: 'ask for a lease, without --inform' })
    return await new Promise((resolve, reject) => {
      settle = resolve
      clock.wakeAt(clock.nowMs() + OBTAIN_WITHIN_MS, () => reject(noLease(question, OBTAIN_WITHIN_MS, undefined)))
      machine.start(clock.nowMs())
      driver.drain()
    })
  } finally {
    driver.stop()
    await sockets.door.close()
  }
}

export interface KeptLease {
  /** Renews no more. The lease stays this machine's until it ends: whoever asks again with the same mac gets the same address. */
  stop(): Promise<void>
}

/** A cable that is plugged in is asked on so long after, at the latest. */
const LOOK_EVERY_MS = 2000

/**
 * Gets a lease and keeps it: renews at T1, asks all servers at T2, begins again when it is lost or refused. Where this machine's
 * addresses change it asks on the new ones, for the lease in hand first (RFC 2131 §3.7). Never gives up.
 * @param question.onLease told of every lease, and of its end (undefined) with the reason, as often as that is found
 */
export function keepLease(question: LeaseQuestion & { onLease(lease: Lease | undefined, why: string): void }): KeptLease {
  const { clock } = question
  let lease: Lease | undefined
  const change = (to: Lease | undefined, why: string) => {
    lease = to
    question.onLease(to, why)
  }
  const heed = (event: ClientEvent) => {
    switch (event.kind) {
      case 'bound': return change(event.lease, `lent by ${event.lease.server}`)
      case 'lost':
      case 'refused': return change(undefined, event.why)
      default: // States and offers are for whoever draws them.
    }
  }
  let client: Client | undefined
  let askedFrom = ''
  const look = async () => {
    const now = surroundings()
    if (now === askedFrom) return
    askedFrom = ''
    await client?.close()
    client = undefined
    try {
      client = await openClient(question, { probe: false, remembered: parseIpv4(lease?.address ?? '') ?? 0 }, heed)
      askedFrom = now
      client.start()
    } catch (error) {
      change(undefined, partsOf(error).why) // Tried again: a new address may need a while until it can be bound.
    }
  }
  let stopped = false
  let cancel = () => {}
  const lookOn = async () => {
    await look()
    if (!stopped) cancel = clock.wakeAt(clock.nowMs() + LOOK_EVERY_MS, () => { looking = lookOn() })
  }
  let looking = lookOn()
  return {
    async stop() {
      stopped = true
      cancel()
      await looking
      await client?.close()
    },
  }
}

/**
 * This machine's hardware address for DHCP: made once (locally administered, so it is nobody else's), kept in the file `mac`.
 * @throws HamletError disk-failed; folder-missing; file-damaged where the file holds something else
 */
export async function storedMac(dataFolder: string, random: Random): Promise<string> {
  const path = join(dataFolder, 'mac')
  try {
    const stored = await readMac(path)
    if (stored !== undefined) return stored
    await makeDataFolder(dataFolder)
    await makeOnce(path, `${newMac(random)}\n`)
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

interface Client {
  /** Nothing is sent before. */
  start(): void
  close(): Promise<void>
}

/** The machine on its sockets. */
async function openClient(question: LeaseQuestion, wish: { readonly probe: boolean; readonly remembered: number }, onEvent: (event: ClientEvent) => void): Promise<Client> {
  const { mac, hostName, clock, random } = question
  const bytes = macBytes(mac)
  const { door, paths, repliesBroadcast } = await openSockets(question, batch => driver.receive(batch))
  const machine = new DhcpClient({ mac: bytes, hostName, random, serverPaths: paths, repliesBroadcast, ...wish })
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

/** @throws UsageError where the text is no hardware address */
function macBytes(mac: string): Uint8Array {
  const bytes = parseMac(mac)
  if (bytes === undefined) throw new UsageError(`the hardware address cannot be ${mac}`, 'it is not six pairs of hexadecimal digits', 'write it as 02:00:5e:00:00:01')
  return bytes
}

/** @param heard what the server said; undefined: nothing */
function noLease({ server, interfaceName }: Asked, timeoutMs: number, heard: string | undefined): HamletError {
  const interfaces = interfaceName !== undefined ? ` by ${interfaceName}` : server === undefined ? ' of any interface' : ''
  const asked = (server === undefined ? `port ${DHCP_PORT}` : formatEndpoint(server)) + interfaces
  const why = heard === undefined ? `no DHCP server answered on ${asked} within ${timeoutMs / 1000} s` : `the DHCP server on ${asked} ${heard}`
  return new HamletError({ code: 'no-lease', what: NO_LEASE, why, remedy: 'start a server with "hamlet dhcp", or name another one with --dhcp IP:PORT' })
}
