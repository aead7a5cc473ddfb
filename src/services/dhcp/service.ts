/**
 * The DHCP server on real sockets and disk. core/server.ts decides; this file opens, joins and closes.
 *
 * For clients on other machines there is one socket for 0.0.0.0, which hears broadcasts, and one for each served address,
 * which sends: the system picks the interface by the address that a socket is bound to. On 127.0.0.1 there is one socket.
 */
import { z } from 'zod'
import type { EventsOf, RowOf } from '../kit/contract.ts'
import { parseEndpoint } from '../kit/endpoint.ts'
import { assertNever, oneLine, UsageError } from '../kit/errors.ts'
import { formatIpv4, isLoopback, parseIpv4 } from '../kit/ip-address.ts'
import { drive } from '../kit/node/drive.ts'
import { lockFolder } from '../kit/node/folder-lock.ts'
import { openJournal, type Journal } from '../kit/node/journal.ts'
import { implement, type ServiceContext } from '../kit/node/service.ts'
import { describeIo, openDoor } from '../kit/node/udp/open-door.ts'
import type { DatagramBatch, DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import { dhcp } from './contract.ts'
import type { Binding, LeaseRecord } from './core/leases.ts'
import { networksToServe, type ServedNetwork } from './core/pools.ts'
import { DhcpServer, type ServerEvent } from './core/server.ts'
import { candidatesFor } from './interfaces.ts'

type Context = ServiceContext<typeof dhcp>

const leaseRecord: z.ZodType<LeaseRecord> = z.object({
  yiaddr: z.ipv4(), state: z.enum(['leased', 'declined', 'released']), key: z.string(), mac: z.string(), hostName: z.string(), expiresAtMs: z.number().min(0).max(8.64e15),
})

export const dhcpService = implement(dhcp, async context => {
  const { settings, clock } = context
  const networks = networksToServe(candidatesFor(settings.host, settings.interface), settings.pool)
  const told = toldBy(settings, networks, context)
  const lock = await lockFolder(context.dataFolder, 'dhcp')
  const opened = await openJournal({ folder: context.dataFolder, name: 'leases.jsonl', parse: value => leaseRecord.parse(value) }).catch(async (error: unknown) => {
    await lock.release()
    throw error
  })
  opened.warnings.forEach(warning => context.log(warning))
  const machine = new DhcpServer({ ...told, networks, records: opened.records })
  const keeper = keepSmall(opened.journal, opened.records.length, () => machine.records(clock.nowMs()), context)
  const driver = drive({
    machine, clock, journal: keeper.journal, door: () => door, onEvent: event => report(event, machine, context), onDiskError: keeper.failed,
  })
  const door = await openSockets(context, networks, batch => driver.receive(batch)).catch(async (error: unknown) => {
    driver.stop()
    await opened.journal.close()
    await lock.release()
    throw error
  })
  const port = door.locals[0]?.port ?? settings.port
  driver.drain()
  for (const { yiaddr } of machine.taken()) showRow(yiaddr, machine, context)
  context.printContractLine(`Server is running on port ${port}. Press Ctrl+C to stop.`)
  for (const { interfaceName, serverAddress, pool } of networks) {
    context.log(`DHCP lends ${formatIpv4(pool.first)} to ${formatIpv4(pool.last)} on ${interfaceName} as ${formatIpv4(serverAddress)}`)
  }
  return {
    endpoints: networks.map(({ serverAddress }) => ({ name: 'dhcp', transport: 'udp' as const, address: formatIpv4(serverAddress), port })),
    pinned: { port },
    commands: {
      release: async ({ yiaddr }) => {
        const released = machine.release(parseIpv4(yiaddr) ?? 0)
        driver.drain()
        return { released }
      },
    },
    stop: async () => {
      driver.stop()
      await door.close()
      await opened.journal.close()
      await lock.release()
    },
  }
})

/** @throws UsageError: the DNS server has no IPv4 address */
function toldBy(settings: Context['settings'], networks: readonly ServedNetwork[], { log }: Context) {
  const dns = settings.dns === undefined ? undefined : parseEndpoint(settings.dns, 53)
  const dnsAddress = dns === undefined ? undefined : parseIpv4(dns.address)
  if (dns !== undefined && dnsAddress === undefined) throw new UsageError(`--dns cannot be ${settings.dns}`, 'DHCP for IPv4 has no room for an IPv6 address', 'give the IPv4 address of the DNS server')
  if (dns !== undefined && isLoopback(dns.address) && networks.some(({ loopback }) => !loopback)) {
    log(`clients are told that the DNS server is ${dns.address}, which is their own machine to them; leave --dns out to tell them this machine's address`)
  }
  return { dnsAddress, dnsPort: dns?.port ?? 53, dnsAdminPort: settings.dns_admin_port, leaseSeconds: settings.lease }
}

async function openSockets({ settings, trace, clock, log }: Context, networks: readonly ServedNetwork[], receive: (batch: DatagramBatch) => void): Promise<DatagramDoor> {
  const onError = (error: Error) => log(`a DHCP socket reports ${error.message}`)
  log(describeIo(settings.io))
  const common = { receive, onError, io: settings.io }
  if (isLoopback(settings.host)) return openTracedDoor({ ...common, addresses: [settings.host], port: settings.port }, trace, 'dhcp', clock)
  // Sockets that share a port would share it with another DHCP server too, in silence. So the port is first taken alone.
  const alone = await openDoor({ addresses: ['0.0.0.0'], port: settings.port, io: settings.io, receive: () => undefined })
  const port = alone.locals[0]?.port ?? settings.port
  await alone.close()
  const addresses = ['0.0.0.0', ...networks.map(({ serverAddress }) => formatIpv4(serverAddress))]
  return openTracedDoor({ ...common, addresses, port, sharePort: true, broadcast: true }, trace, 'dhcp', clock)
}

/** Records that may lie in the file before it is written anew, and how many of them a live one may stand for. */
const RECORDS_KEPT_MIN = 1000
const RECORDS_A_LIVE_ONE_MAX = 4

/** Compacts the journal when it has grown far beyond what is live, and to make it whole again after a fault of the disk. */
function keepSmall(journal: Journal<LeaseRecord>, recordsOnDisk: number, live: () => LeaseRecord[], { log, setHealth }: Context) {
  let written = recordsOnDisk
  let compactAt = RECORDS_KEPT_MIN
  let compacting = false
  const compact = async () => {
    compacting = true
    try {
      const records = live()
      await journal.compact(records)
      written = records.length
      compactAt = Math.max(RECORDS_KEPT_MIN, records.length * RECORDS_A_LIVE_ONE_MAX)
      setHealth(undefined)
    } catch (error) {
      compactAt = written * 2
      log(oneLine(error))
    } finally {
      compacting = false
    }
  }
  return {
    journal: {
      append: (record, done) => {
        journal.append(record, done)
        if (++written > compactAt && !compacting) void compact()
      },
      compact: records => journal.compact(records),
      close: () => journal.close(),
    } satisfies Journal<LeaseRecord>,
    failed: (error: Error) => {
      setHealth(`no lease is granted: ${oneLine(error)}`)
      if (!compacting) void compact()
    },
  }
}

function report(event: ServerEvent, machine: DhcpServer, context: Context): void {
  if (event.kind === 'refused') return tell(context, 'refused', { client: event.client, why: event.why })
  const { client: { mac, hostName }, expiresAtMs, state } = event.binding
  const yiaddr = formatIpv4(event.binding.yiaddr)
  showRow(event.binding.yiaddr, machine, context)
  switch (event.kind) {
    case 'offered': return tell(context, 'offered', { yiaddr, client: mac })
    case 'leased': return tell(context, 'leased', { yiaddr, client: mac, hostName, expiresAtMs })
    case 'released':
    case 'expired': return state === 'leased' ? tell(context, 'released', { yiaddr, client: mac }) : undefined
    case 'declined': return // The refusal that goes with it says all.
    default: assertNever(event)
  }
}

function tell<Name extends keyof EventsOf<typeof dhcp>>({ emit, trace, clock }: Context, name: Name, data: EventsOf<typeof dhcp>[Name]): void {
  trace.event('dhcp', { event: name, ...data }, clock.nowMs())
  emit(name, data)
}

/** The row says how the address stands now, whatever the event was about. */
function showRow(yiaddr: number, machine: DhcpServer, { setRow }: Context): void {
  const binding = machine.bindingAt(yiaddr)
  setRow(formatIpv4(yiaddr), binding === undefined || binding.state === 'free' ? undefined : rowOf(binding))
}

function rowOf({ yiaddr, state, client, expiresAtMs }: Binding): RowOf<typeof dhcp> {
  return { address: formatIpv4(yiaddr), client: client.mac, host: client.hostName, state, until: localTime(expiresAtMs) }
}

/** `2026-11-24 02:51:20`, in the time zone of this machine. */
function localTime(atMs: number): string {
  const date = new Date(atMs)
  return new Date(atMs - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19).replace('T', ' ')
}
