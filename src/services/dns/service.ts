/** The DNS server on real sockets and disk. What it decides is in core/server.ts; here is what carries it out. */
import { join } from 'node:path'
import { formatEndpoint, parseEndpoint, type Endpoint, type Path } from '../kit/endpoint.ts'
import { UsageError } from '../kit/errors.ts'
import type { ServiceEndpoint } from '../kit/host-protocol.ts'
import { isLoopback } from '../kit/ip-address.ts'
import { parseIpPrefix } from '../kit/ip-prefix.ts'
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
import { Authority, type AuthorityEvent, type Request } from './core/authority.ts'
import { ClientLimit } from './core/client-limit.ts'
import { DnsServer, type DnsEvent } from './core/server.ts'
import { DatagramClients } from './datagram-clients.ts'
import { openFrontDoors, type FrontDoors } from './front-doors.ts'
import { nodeHmac } from './hmac.ts'
import { Keyring } from './keys-file.ts'
import { NamesTable } from './names-table.ts'
import { openQueryWay, type QueryWay } from './query-way.ts'
import { Refusals } from './refusals.ts'
import { openSecondaries } from './secondaries.ts'
import { StreamClients } from './stream-clients.ts'
import { TYPE } from './wire/types.ts'
import { ZoneChanges } from './zone-changes.ts'
import { openZoneStore } from './zone-store.ts'

type Context = ServiceContext<typeof dns>

/** What others hear of; done ways and transfers are the doors' business. */
type NoticedEvent = Exclude<DnsEvent, { name: 'waysDone' | 'transferAsked' }>
type TransferAsked = Extract<DnsEvent, { name: 'transferAsked' }>

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
  const secondaryEndpoints = settings.secondary.map(text => parseEndpoint(text, DNS_PORT))
  const secondaries = await openSecondaries(secondaryEndpoints, settings.host, context)
  closers.push(() => secondaries.close())
  const store = await openZoneStore({
    folder: context.dataFolder, clock, log: text => context.log(text), onTrouble: sentence => health.set('disk', sentence), onDamaged: sentence => health.set('zone', sentence),
    onLoaded() {
      table.showAllRegistered(store.zone.records())
      secondaries.changed(store.zone.soa)
    },
  })
  closers.push(async () => table.stop(), () => store.close())
  const keyring = new Keyring({ folder: context.dataFolder, clock, log: text => context.log(text), onTrouble: sentence => health.set('keys', sentence) })
  closers.push(async () => keyring.close())
  await keyring.watch()
  const changes = new ZoneChanges({ store, table, context, onChanged: () => secondaries.changed(store.zone.soa) })
  const signing = { keyOf: keyring.keyOf, hmac: nodeHmac, wallSeconds }
  const authority = new Authority(store.zone, { ...signing, secondaries: secondaryEndpoints.map(({ address }) => address), takesLocalUpdates: settings.local_update })
  const hidesCanaries = settings.canary === 'always' || (settings.canary === 'lan' && !isLoopback(settings.host))
  if (hidesCanaries) for (const { name, effect } of CANARY_NAMES) context.setRow(`built in ${name}`, { name, type: 'any', data: `does not exist: ${effect}`, ttl: '', source: 'built in' })
  const machine = new DnsServer(store.zone, new Cache(), { upstreams, random: context.random, hidesCanaries, authority })
  const answerLog = new AnswerLog(context)
  const refusals = new Refusals(context)
  const { front, driver } = await openDoors(context, machine, closers, answerLog, event => {
    if (event.name === 'updateAsked') void changes.update(event.request.message).then(rcode => answerUpdate(event.request, rcode), error => context.fail(error))
    else if (event.name === 'refused') refusals.tell(event.client, event.asked, event.why)
    else onEvent(event, answerLog, table, health)
  })
  const answerUpdate = (request: Request, rcode: number): void => {
    machine.answerUpdate(request, rcode)
    driver.drain()
  }
  const target: AdminTarget = {
    zone: store.zone,
    change: change => changes.change(change),
    decide: decide => changes.decide(decide),
    flush() {
      table.forgetCached()
      return machine.flush()
    },
  }
  const adminDoor = await onSamePort(settings.admin_port, settings.admin_host, port => openAdminPort({
    addresses: addressesToBind(settings.admin_host), port, target, trace, clock, ...signing,
    allowed: settings.allow_register.flatMap(text => parseIpPrefix(text) ?? []), onRefused: (client, asked, why) => refusals.tell(client, asked, why),
  }))
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
      if (event.name === 'transferAsked') return transfer(context, event, streamClients)
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

function transfer({ trace, clock, emit }: Context, { request: { path, message }, serial, messages }: TransferAsked, clients: StreamClients): void {
  const told = { secondary: formatEndpoint(path.peer), kind: message.questions[0]?.type === TYPE.IXFR ? 'IXFR' as const : 'AXFR' as const, serial }
  trace.event('dns', { event: 'transferred', ...told }, clock.nowMs())
  emit('transferred', told)
  clients.stream(path, messages)
}

function onEvent(event: Exclude<NoticedEvent, AuthorityEvent>, answerLog: AnswerLog, table: NamesTable, health: Health): void {
  if (event.name === 'upstream') return health.set('upstream', event.trouble)
  if (event.name === 'cached') return table.showCached(event.finding.answers, event.expiresAtMs)
  if (answerLog.answered()) answerLog.tell(event)
}

/** A server that asks itself would wait for itself. @throws UsageError */
function refuseOwnAddress(upstreams: readonly Endpoint[], locals: readonly Endpoint[]): void {
  const own = upstreams.find(upstream => locals.some(({ address, port }) => address === upstream.address && port === upstream.port))
  if (own !== undefined) throw new UsageError(`--upstream cannot be ${formatEndpoint(own)}`, 'that is this DNS server itself', 'name another server')
}

/** The time of day, as the system has it now: signatures are compared with other machines' clocks, and the service's own clock never jumps. */
const wallSeconds = (): number => Date.now() / 1000

/** All that is wrong at the moment, as one sentence. */
class Health {
  readonly #troubles = new Map<'zone' | 'disk' | 'upstream' | 'keys', string>()
  private readonly context: Context

  constructor(context: Context) {
    this.context = context
  }

  set(part: 'zone' | 'disk' | 'upstream' | 'keys', sentence: string | undefined): void {
    if (this.#troubles.get(part) === sentence) return
    if (sentence === undefined) this.#troubles.delete(part)
    else this.#troubles.set(part, sentence)
    this.context.setHealth(this.#troubles.size === 0 ? undefined : [...this.#troubles.values()].join('. '))
  }
}
