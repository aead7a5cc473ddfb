/**
 * The DHCP server on real sockets and disk. core/server.ts decides; this file opens, joins and closes.
 *
 * For clients on other machines there is one socket for 0.0.0.0, which hears broadcasts, and one for each served address,
 * which sends: the system picks the interface by the address that a socket is bound to. On 127.0.0.1 there is one socket.
 */
import { z } from 'zod'
import { parseEndpoint } from '../kit/endpoint.ts'
import { UsageError } from '../kit/errors.ts'
import { formatIpv4, isLoopback, parseIpv4 } from '../kit/ip-address.ts'
import { drive } from '../kit/node/drive.ts'
import { lockFolder } from '../kit/node/folder-lock.ts'
import { openJournal } from '../kit/node/journal.ts'
import { implement, type ServiceContext } from '../kit/node/service.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'
import type { DatagramBatch, DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import { dhcp } from './contract.ts'
import { keepSmall } from './compaction.ts'
import { holderOf } from './conflict-probe.ts'
import type { LeaseRecord } from './core/leases.ts'
import { networksToServe, type ServedNetwork } from './core/pools.ts'
import { nameOf, type ServerEvent } from './core/lender.ts'
import { parseOptionTexts } from './core/option-texts.ts'
import { DhcpServer } from './core/server.ts'
import { candidatesFor } from './interfaces.ts'
import { Reporting } from './reporting.ts'

type Context = ServiceContext<typeof dhcp>

const leaseRecord: z.ZodType<LeaseRecord> = z.object({
  yiaddr: z.ipv4(), state: z.enum(['leased', 'declined', 'released']), key: z.string(), mac: z.string(), hostName: z.string(), expiresAtMs: z.number().min(0).max(8.64e15),
})

export const dhcpService = implement(dhcp, async context => {
  const { settings, clock } = context
  const networks = networksToServe(candidatesFor(settings.host, settings.interface), settings)
  const told = toldBy(settings, networks, context)
  const lock = await lockFolder(context.dataFolder, 'dhcp')
  const opened = await openJournal({ folder: context.dataFolder, name: 'leases.jsonl', parse: value => leaseRecord.parse(value) }).catch(async (error: unknown) => {
    await lock.release()
    throw error
  })
  opened.warnings.forEach(warning => context.log(warning))
  const machine = new DhcpServer({ ...told, networks, records: opened.records })
  const reporting = new Reporting(context, yiaddr => machine.bindingAt(yiaddr))
  const { journal, failed } = keepSmall({ ...context, journal: opened.journal, recordsOnDisk: opened.records.length, live: () => machine.records(clock.nowMs()) })
  const onEvent = (event: ServerEvent) => event.kind === 'probe' ? void knock(event) : reporting.report(event)
  const driver = drive({ machine, clock, journal, door: () => door, onEvent, onDiskError: failed })
  const knock = async ({ yiaddr, network: { serverAddress } }: ProbeEvent) => {
    const holder = await holderOf(formatIpv4(yiaddr), formatIpv4(serverAddress ?? 0), clock)
    machine.probed(yiaddr, holder, clock.nowMs())
    driver.drain()
  }
  const door = await openSockets(context, networks, batch => driver.receive(batch)).catch(async (error: unknown) => {
    driver.stop()
    await opened.journal.close()
    await lock.release()
    throw error
  })
  const port = door.locals[0]?.port ?? settings.port
  driver.drain()
  for (const { yiaddr } of machine.taken()) reporting.showRow(yiaddr)
  context.printContractLine(`Server is running on port ${port}. Press Ctrl+C to stop.`)
  for (const network of networks) {
    const { serverAddress, pool } = network
    context.log(`DHCP lends ${formatIpv4(pool.first)} to ${formatIpv4(pool.last)} on ${nameOf(network)}${serverAddress === undefined ? ', behind a relay' : ` as ${formatIpv4(serverAddress)}`}`)
  }
  return {
    endpoints: ownAddresses(networks).map(address => ({ name: 'dhcp', transport: 'udp' as const, address, port })),
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

type ProbeEvent = Extract<ServerEvent, { kind: 'probe' }>

/** This machine's addresses on the networks that are served. */
function ownAddresses(networks: readonly ServedNetwork[]): string[] {
  return networks.flatMap(({ serverAddress }) => serverAddress === undefined ? [] : [formatIpv4(serverAddress)])
}

/** @throws UsageError: the DNS server has no IPv4 address */
function toldBy(settings: Context['settings'], networks: readonly ServedNetwork[], { log }: Context) {
  const dns = settings.dns === undefined ? undefined : parseEndpoint(settings.dns, 53)
  const dnsAddress = dns === undefined ? undefined : parseIpv4(dns.address)
  if (dns !== undefined && dnsAddress === undefined) throw new UsageError(`--dns cannot be ${settings.dns}`, 'DHCP for IPv4 has no room for an IPv6 address', 'give the IPv4 address of the DNS server')
  if (dns !== undefined && isLoopback(dns.address) && networks.some(({ loopback }) => !loopback)) {
    log(`clients are told that the DNS server is ${dns.address}, which is their own machine to them; leave --dns out to tell them this machine's address`)
  }
  return {
    dnsAddress, dnsPort: dns?.port ?? 53, dnsAdminPort: settings.dns_admin_port, leaseSeconds: settings.lease, domain: settings.domain, namesRegistered: !settings.no_names,
    options: parseOptionTexts(settings.option), probe: !settings.no_probe, rapidCommit: settings.rapid_commit,
  }
}

async function openSockets({ settings, trace, clock, log }: Context, networks: readonly ServedNetwork[], receive: (batch: DatagramBatch) => void): Promise<DatagramDoor> {
  const onError = (error: Error) => log(`a DHCP socket reports ${error.message}`)
  const common = { receive, onError }
  if (isLoopback(settings.host)) return openTracedDoor({ ...common, addresses: [settings.host], port: settings.port }, trace, 'dhcp', clock)
  // Sockets that share a port would share it with another DHCP server too, in silence. So the port is first taken alone.
  const alone = await openDoor({ addresses: ['0.0.0.0'], port: settings.port, receive: () => undefined })
  const port = alone.locals[0]?.port ?? settings.port
  await alone.close()
  const addresses = ['0.0.0.0', ...ownAddresses(networks)]
  return openTracedDoor({ ...common, addresses, port, sharePort: true, broadcast: true }, trace, 'dhcp', clock)
}
