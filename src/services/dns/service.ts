/** The DNS server on real sockets and disk. What it decides is in core/server.ts; here is what carries it out. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { UsageError } from '../kit/errors.ts'
import type { ServiceEndpoint } from '../kit/host-protocol.ts'
import { drive, type Driver } from '../kit/node/drive.ts'
import { lockFolder } from '../kit/node/folder-lock.ts'
import { addressesToBind } from '../kit/node/local-addresses.ts'
import { onSamePort } from '../kit/node/same-port.ts'
import { implement, type RunningService, type ServiceContext } from '../kit/node/service.ts'
import { listenStreams, type StreamListener } from '../kit/node/streams.ts'
import type { DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import { openAdminPort, runAdminLine, type AdminTarget } from './admin-port.ts'
import { dns } from './contract.ts'
import { Cache } from './core/cache.ts'
import { createRoutes, parseForwarding, type Forwarding } from './core/routes.ts'
import { DnsServer, type DnsEvent } from './core/server.ts'
import { parseUpstream, type Upstream } from './core/upstream.ts'
import type { ZoneChange } from './core/zone.ts'
import { ZoneMap } from './core/zone-map.ts'
import { NamesTable } from './names-table.ts'
import { StreamClients } from './stream-clients.ts'
import { UpstreamDoors } from './upstream/doors.ts'
import { parseName, ROOT } from './wire/name.ts'
import { openZoneStore, type ZoneStore } from './zone-store.ts'

type Context = ServiceContext<typeof dns>

/** What others hear of; askings are the doors' business. */
type NoticedEvent = Exclude<DnsEvent, { name: 'ask' | 'askingsOver' }>

/** Serves UDP and TCP on one port, and the admin port. */
export const dnsService = implement(dns, async context => {
  const others = await readOthers(context.settings)
  const lock = await lockFolder(context.dataFolder, 'dns')
  const closers: (() => Promise<void>)[] = [() => lock.release()]
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close()
  }
  try {
    return await start(context, others, closers, stop)
  } catch (error) {
    await stop()
    throw error
  }
})

async function start(context: Context, others: Others, closers: (() => Promise<void>)[], stop: () => Promise<void>): Promise<RunningService<typeof dns>> {
  const { settings, clock, trace } = context
  const table = new NamesTable((key, row) => context.setRow(key, row), clock)
  const health = new Health(context)
  const store = await openZoneStore({
    folder: context.dataFolder, clock, log: text => context.log(text), onTrouble: sentence => health.set('disk', sentence), onDamaged: sentence => health.set('zone', sentence),
    onLoaded: () => table.showAllRegistered(store.zone.records()),
  })
  closers.push(async () => table.stop(), () => store.close())
  const cache = new Cache()
  const machine = new DnsServer(store.zone, cache, {
    routes: createRoutes(others.upstreams, others.forwardings), allowPrivate: others.allowPrivate, random: context.random, randomLetters: !settings.plain_letters,
  })
  const { locals, driver } = await openDoors(context, machine, others.authorities, closers, event => onEvent(event, context, table, health))
  const target = adminTarget(context, store, cache, table)
  const adminDoor = await onSamePort(settings.admin_port, settings.admin_host, port => openAdminPort({ addresses: addressesToBind(settings.admin_host), port, target, trace, clock }))
  closers.push(() => adminDoor.close())
  refuseOwnAddress(others, locals)
  const port = locals[0]?.port ?? settings.port
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

/** Opens UDP and TCP on the same port, and joins them and the ways to the upstreams with the machine. */
async function openDoors(
  context: Context, machine: DnsServer, authorities: readonly string[], closers: (() => Promise<void>)[], notice: (event: NoticedEvent) => void,
): Promise<{ locals: readonly Endpoint[]; driver: Driver }> {
  const { settings, clock, trace, random } = context
  const addresses = addressesToBind(settings.host)
  const clients = new StreamClients({
    trace, clock,
    receive(query, path) {
      machine.receiveOverTcp(query, path, clock.nowMs())
      driver.drain()
    },
  })
  const upstreams = new UpstreamDoors({
    trace, clock, random, authorities,
    receive: (message, asking) => machine.receiveReply(message, asking, clock.nowMs()),
    refused: (asking, why) => machine.refused(asking, why, clock.nowMs()),
    drain: () => driver.drain(),
  })
  const driver = drive({
    machine, clock,
    door: () => routed,
    onEvent(event) {
      if (event.name === 'ask') upstreams.ask(event.asking)
      else if (event.name === 'askingsOver') upstreams.forget(event.askings)
      else notice(event)
    },
  })
  const { door, listener } = await onSamePort(settings.port, addresses[0] ?? settings.host, port => openBoth(context, addresses, port, driver, clients))
  // One door for the driver: an answer to a stream goes by it, and what is asked of upstreams leaves together.
  const routed: DatagramDoor = {
    ...door, locals: door.locals, pathTo: (peer, local) => door.pathTo(peer, local), close: () => door.close(),
    send(path, bytes) {
      if (!clients.send(path, bytes)) door.send(path, bytes)
    },
    flush() {
      door.flush()
      upstreams.flush()
    },
  }
  closers.push(async () => {
    await Promise.all([upstreams.close(), door.close(), listener.close()])
  })
  return { locals: door.locals, driver }
}

async function openBoth(context: Context, addresses: readonly string[], port: number, driver: Driver, clients: StreamClients): Promise<{ door: DatagramDoor; listener: StreamListener }> {
  const door = await openTracedDoor({ addresses, port, receive: batch => driver.receive(batch) }, context.trace, 'dns', context.clock)
  try {
    return { door, listener: await listenStreams({ addresses, port: door.locals[0]?.port ?? port, accept: socket => clients.accept(socket) }) }
  } catch (error) {
    await door.close()
    throw error
  }
}

function onEvent(event: NoticedEvent, context: Context, table: NamesTable, health: Health): void {
  if (event.name === 'upstream') return health.set(`upstream ${event.zone}`, unreachable(event.zone, event.trouble))
  if (event.name === 'filtered') return filtered(event, context)
  if (event.name === 'cached') return table.showCached(event.finding.answers, event.expiresAtMs)
  const { name, ...answered } = event
  context.trace.event('dns', { event: name, ...answered }, context.clock.nowMs())
  context.emit('answered', answered)
}

function adminTarget(context: Context, store: ZoneStore, cache: Cache, table: NamesTable): AdminTarget {
  return {
    zone: store.zone,
    async change(change: ZoneChange) {
      await store.change(change)
      table.showRegistered(change.name, store.zone.recordsOf(change.name))
      if (change.change === 'register') context.emit('registered', { name: change.name, type: change.type, rdata: change.rdata })
      else context.emit('unregistered', { name: change.name, ...(change.type === undefined ? {} : { type: change.type }) })
    },
    flush() {
      table.forgetCached()
      return cache.flush()
    },
  }
}

/** Other servers, and what they may say, as the settings have them. */
interface Others {
  readonly upstreams: readonly Upstream[]
  readonly forwardings: readonly Forwarding[]
  readonly allowPrivate: ZoneMap<true>
  readonly authorities: readonly string[]
}

/** @throws UsageError where a setting is no upstream, forwarding, name or readable file */
async function readOthers({ upstream, forward, allow_private: allowed, upstream_ca: file }: Context['settings']): Promise<Others> {
  const allowPrivate = new ZoneMap<true>()
  for (const zone of allowed) allowPrivate.set(parseName(zone), true)
  return { upstreams: upstream.map(parseUpstream), forwardings: forward.map(parseForwarding), allowPrivate, authorities: file === undefined ? [] : [await readCertificates(file)] }
}

async function readCertificates(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) => { throw new UsageError(`--upstream_ca cannot be ${file}`, error.message, 'name a file that can be read') })
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new UsageError(`--upstream_ca cannot be ${file}`, 'it has no certificate in PEM form', 'name a file that begins with -----BEGIN CERTIFICATE-----')
  return text
}

/** A server that asks itself would wait for itself. @throws UsageError */
function refuseOwnAddress({ upstreams, forwardings }: Others, locals: readonly Endpoint[]): void {
  const asked = [...upstreams, ...forwardings.flatMap(({ upstream }) => upstream ?? [])]
  const own = asked.find(({ endpoint }) => locals.some(({ address, port }) => address === endpoint.address && port === endpoint.port))
  if (own !== undefined) throw new UsageError(`--upstream cannot be ${own.title}`, 'that is this DNS server itself', 'name another server')
}

function unreachable(zone: string, trouble: string | undefined): string | undefined {
  if (trouble === undefined) return undefined
  return `Names ${zone === ROOT ? 'of the internet' : `below ${zone}`} cannot be found: ${trouble}`
}

function filtered({ qname, data, upstream }: Extract<NoticedEvent, { name: 'filtered' }>, context: Context): void {
  context.trace.event('dns', { event: 'filtered', qname, data, upstream }, context.clock.nowMs())
  context.emit('filtered', { qname, data, upstream })
  context.log(`${upstream} says that ${qname} is ${data}, an address of a private network; that was taken out (--allow_private ${qname} lets it in)`)
}

/** All that is wrong at the moment, as one sentence. */
class Health {
  readonly #troubles = new Map<string, string>()
  private readonly context: Context

  constructor(context: Context) {
    this.context = context
  }

  set(part: 'zone' | 'disk' | `upstream ${string}`, sentence: string | undefined): void {
    if (this.#troubles.get(part) === sentence) return
    if (sentence === undefined) this.#troubles.delete(part)
    else this.#troubles.set(part, sentence)
    this.context.setHealth(this.#troubles.size === 0 ? undefined : [...this.#troubles.values()].join('. '))
  }
}
