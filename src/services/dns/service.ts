/** The DNS server on real sockets and disk. What it decides is in core/server.ts; here is what carries it out. */
import { join } from 'node:path'
import { formatEndpoint, parseEndpoint, type Endpoint, type Path } from '../kit/endpoint.ts'
import { UsageError } from '../kit/errors.ts'
import type { ServiceEndpoint } from '../kit/host-protocol.ts'
import { isLoopback } from '../kit/ip-address.ts'
import { drive, type Driver } from '../kit/node/drive.ts'
import { lockFolder } from '../kit/node/folder-lock.ts'
import { addressesToBind, followAddresses } from '../kit/node/local-addresses.ts'
import { onSamePort } from '../kit/node/same-port.ts'
import { implement, type RunningService, type ServiceContext } from '../kit/node/service.ts'
import { openAdminPort, runAdminLine, type AdminTarget } from './admin-port.ts'
import { AnswerLog } from './answer-log.ts'
import { dns } from './contract.ts'
import { Cache } from './core/cache.ts'
import { CANARY_NAMES } from './core/canary-names.ts'
import { ClientLimit } from './core/client-limit.ts'
import { DnsServer, type DnsEvent } from './core/server.ts'
import { partsOfChange, type ZoneChange } from './core/zone-change.ts'
import { DatagramClients } from './datagram-clients.ts'
import { openFrontDoors, type FrontDoors } from './front-doors.ts'
import { NamesTable } from './names-table.ts'
import { openQueryWay, type QueryWay } from './query-way.ts'
import { StreamClients } from './stream-clients.ts'
import { openZoneStore, type ZoneStore } from './zone-store.ts'

type Context = ServiceContext<typeof dns>

/** What others hear of; done ways are the doors' business. */
type NoticedEvent = Exclude<DnsEvent, { name: 'waysDone' }>

const DNS_PORT = 53

/** Serves UDP and TCP on one port, and the admin port. */
export const dnsService = implement(dns, async context => {
  const upstreams = context.settings.upstream.map(text => parseEndpoint(text, DNS_PORT))
  const lock = await lockFolder(context.dataFolder, 'dns')
  const closers: (() => Promise<void>)[] = [() => lock.release()]
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    return await start(context, upstreams, closers, stop)
  } catch (error) {
    await stop()
    throw error
  }
})

async function start(context: Context, upstreams: readonly Endpoint[], closers: (() => Promise<void>)[], stop: () => Promise<void>): Promise<RunningService<typeof dns>> {
  const { settings, clock, trace } = context
  const table = new NamesTable((key, row) => context.setRow(key, row), clock)
  const health = new Health(context)
  const store = await openZoneStore({
    folder: context.dataFolder, clock, log: text => context.log(text), onTrouble: sentence => health.set('disk', sentence), onDamaged: sentence => health.set('zone', sentence),
    onLoaded: () => table.showAllRegistered(store.zone.records()),
  })
  closers.push(async () => table.stop(), () => store.close())
  const hidesCanaries = settings.canary === 'always' || (settings.canary === 'lan' && !isLoopback(settings.host))
  if (hidesCanaries) for (const { name, effect } of CANARY_NAMES) context.setRow(`built in ${name}`, { name, type: 'any', data: `does not exist: ${effect}`, ttl: '', source: 'built in' })
  const machine = new DnsServer(store.zone, new Cache(), { upstreams, random: context.random, hidesCanaries })
  const answerLog = new AnswerLog(context)
  const { front, driver } = await openDoors(context, machine, closers, answerLog, event => onEvent(event, answerLog, table, health))
  const target = adminTarget(context, store, machine, table)
  const adminDoor = await onSamePort(settings.admin_port, settings.admin_host, port => openAdminPort({ addresses: addressesToBind(settings.admin_host), port, target, trace, clock }))
  closers.push(() => adminDoor.close())
  const { locals, port } = front
  refuseOwnAddress(upstreams, locals)
  const adminPort = adminDoor.locals[0]?.port ?? settings.admin_port
  table.showAllRegistered(store.zone.records())
  context.printContractLine(`DNS Server is running on ${formatEndpoint({ address: settings.host, port })}...`)
  context.printContractLine('Waiting for requests...')
  context.log(`Names are kept in ${join(context.dataFolder, 'dns.zone')}; the admin port is ${formatEndpoint({ address: settings.admin_host, port: adminPort })}`)
  return {
    endpoints: [
      ...locals.flatMap(({ address }): ServiceEndpoint[] => [{ name: 'dns', transport: 'udp', address, port }, { name: 'dns', transport: 'tcp', address, port }]),
      ...adminDoor.locals.map(({ address }): ServiceEndpoint => ({ name: 'admin', transport: 'udp', address, port: adminPort })),
    ],
    pinned: { port, admin_port: adminPort },
    commands: { admin: async ({ line }) => ({ lines: await runAdminLine(Buffer.from(line, 'utf8').toString('latin1'), target) }) },
    async stop() {
      driver.stop()
      await stop()
    },
  }
}

/** Opens the sockets that clients ask, and joins them and the ways to the upstreams with the machine. */
async function openDoors(
  context: Context, machine: DnsServer, closers: (() => Promise<void>)[], answerLog: AnswerLog, notice: (event: NoticedEvent) => void,
): Promise<{ front: FrontDoors; driver: Driver }> {
  const { settings, clock, trace } = context
  const ways = new Map<Path, QueryWay>()
  const streamClients = new StreamClients({
    trace, clock,
    receive(query, path) {
      machine.receiveOverTcp(query, path, clock.nowMs())
      driver.drain()
    },
  })
  let ownAddresses = new Set(addressesToBind('::'))
  const datagramClients = new DatagramClients({
    machine, answerLog, clock, limit: new ClientLimit(settings.rate_limit, context.random),
    isOwnAddress: address => isLoopback(address) || ownAddresses.has(address),
    drain: () => driver.drain(),
  })
  const openWay = (path: Path, query: Uint8Array, overTcp: boolean): void => {
    ways.set(path, openQueryWay({
      peer: path.peer, overTcp, query, trace, clock,
      onReply(message) {
        machine.receive(message, path, clock.nowMs())
        driver.drain()
      },
      onRefused(why) {
        machine.refused(path, why, clock.nowMs())
        driver.drain()
      },
    }))
  }
  // One door for the driver: a path says by its owner where it leads.
  const routed = {
    send(path: Path, bytes: Uint8Array) {
      const way = machine.wayOf(path)
      if (way !== 'client') openWay(path, bytes, way === 'upstream-tcp')
      else if (!streamClients.send(path, bytes)) front.send(path, bytes)
    },
    flush: () => front.flush(),
  }
  const driver = drive({
    machine, clock,
    door: () => routed,
    onEvent(event) {
      if (event.name !== 'waysDone') return notice(event)
      for (const path of event.paths) {
        ways.get(path)?.close()
        ways.delete(path)
      }
    },
  })
  const front = await openFrontDoors({
    addresses: addressesToBind(settings.host), port: settings.port, trace, clock, log: text => context.log(text),
    receive: batch => datagramClients.receive(batch), accept: socket => streamClients.accept(socket),
  })
  const unfollow = followAddresses(settings.host, clock, addresses => {
    ownAddresses = new Set(addresses)
    void front.follow(addresses)
  })
  closers.push(async () => {
    unfollow()
    answerLog.stop()
    streamClients.stop()
    for (const way of ways.values()) way.close()
    await front.close()
  })
  return { front, driver }
}

function onEvent(event: NoticedEvent, answerLog: AnswerLog, table: NamesTable, health: Health): void {
  if (event.name === 'upstream') return health.set('upstream', event.trouble)
  if (event.name === 'cached') return table.showCached(event.finding.answers, event.expiresAtMs)
  if (answerLog.answered()) answerLog.tell(event)
}

function adminTarget(context: Context, store: ZoneStore, machine: DnsServer, table: NamesTable): AdminTarget {
  return {
    zone: store.zone,
    async change(change: ZoneChange) {
      await store.change(change)
      for (const part of partsOfChange(change)) {
        table.showRegistered(part.name, store.zone.recordsOf(part.name))
        if (part.change === 'register') context.emit('registered', { name: part.name, type: part.type, rdata: part.rdata })
        else context.emit('unregistered', { name: part.name, ...(part.type === undefined ? {} : { type: part.type }) })
      }
    },
    flush() {
      table.forgetCached()
      return machine.flush()
    },
  }
}

/** A server that asks itself would wait for itself. @throws UsageError */
function refuseOwnAddress(upstreams: readonly Endpoint[], locals: readonly Endpoint[]): void {
  const own = upstreams.find(upstream => locals.some(({ address, port }) => address === upstream.address && port === upstream.port))
  if (own !== undefined) throw new UsageError(`--upstream cannot be ${formatEndpoint(own)}`, 'that is this DNS server itself', 'name another server')
}

/** All that is wrong at the moment, as one sentence. */
class Health {
  readonly #troubles = new Map<'zone' | 'disk' | 'upstream', string>()
  private readonly context: Context

  constructor(context: Context) {
    this.context = context
  }

  set(part: 'zone' | 'disk' | 'upstream', sentence: string | undefined): void {
    if (this.#troubles.get(part) === sentence) return
    if (sentence === undefined) this.#troubles.delete(part)
    else this.#troubles.set(part, sentence)
    this.context.setHealth(this.#troubles.size === 0 ? undefined : [...this.#troubles.values()].join('. '))
  }
}
