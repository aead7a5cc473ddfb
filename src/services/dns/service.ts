/** The DNS server on real sockets and disk. Decisions are made in core/answering/server.ts and carried out here. */
import { join } from 'node:path'
import { formatEndpoint } from '../kit/endpoint.ts'
import type { ServiceEndpoint } from '../kit/host-protocol.ts'
import { isLoopback } from '../kit/ip-address.ts'
import { followAddresses } from '../kit/node/follow-addresses.ts'
import { lockFolder } from '../kit/node/folder-lock.ts'
import { implement, type RunningService, type ServiceContext } from '../kit/node/service.ts'
import { describeIo } from '../kit/node/udp/open-door.ts'
import { openAdministration, type Administration } from './administration.ts'
import { runAdminLine, type AdminTarget } from './admin-port.ts'
import { AnswerLog } from './answer-log.ts'
import { dns } from './contract.ts'
import { Cache } from './core/answering/cache.ts'
import { CANARY_NAMES } from './core/answering/canary-names.ts'
import { createRoutes } from './core/forwarding/routes.ts'
import { DnsServer } from './core/answering/server.ts'
import { FilteredAnswers } from './filtered-answers.ts'
import { NamesTable } from './names-table.ts'
import { readUpstreamSettings, refuseOwnAddress, type UpstreamSettings } from './upstream-settings.ts'
import { openSockets, type ReportedEvent } from './sockets.ts'
import { ROOT } from './wire/name.ts'
import { openZoneStore, type ZoneStore } from './zone-store.ts'

type Context = ServiceContext<typeof dns>

/** Serves UDP and TCP on one port, and the admin port. */
export const dnsService = implement(dns, async context => {
  const others = await readUpstreamSettings(context.settings)
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

async function start(context: Context, others: UpstreamSettings, closers: (() => Promise<void>)[], stop: () => Promise<void>): Promise<RunningService<typeof dns>> {
  const { settings, clock, health } = context
  const table = new NamesTable((key, row) => context.setRow(key, row), clock, () => store.zone.size)
  const answerLog = new AnswerLog(context)
  const filtered = new FilteredAnswers(context)
  const store = await openZoneStore({
    folder: context.dataFolder, clock, log: text => context.log(text), onTrouble: sentence => health.set('disk', sentence), onDamaged: sentence => health.set('zone', sentence),
    onLoaded() {
      table.showAllRegistered(store.zone.records())
      administration.zoneChanged()
    },
  })
  closers.push(async () => table.stop(), () => store.close(), async () => answerLog.stop())
  const administration = await openAdministration({ context, store, table })
  closers.push(() => administration.close())
  const machine = new DnsServer(store.zone, new Cache(), {
    routes: createRoutes(others.upstreams, others.forwardings), allowPrivate: others.allowPrivate, random: context.random, randomizeCase: !settings.plain_letters,
    hidesCanaries: hideCanaries(context), authority: administration.authority,
  })
  const { listeners, driver, follow, close } = await openSockets({
    context, machine, answerLog, authorities: others.authorities, update: message => administration.changes.update(message),
    report: event => event.name === 'refused' ? administration.refusals.report(event) : onEvent(event, filtered, answerLog, table, health),
  })
  closers.push(close)
  const target = adminTarget(administration, store, machine, table)
  const adminDoor = await administration.openPort(target)
  closers.push(() => adminDoor.close())
  const { locals, port } = listeners
  refuseOwnAddress(others, locals)
  const adminPort = adminDoor.locals[0]?.port ?? settings.admin_port
  table.showAllRegistered(store.zone.records())
  context.printContractLine(`DNS Server is running on ${formatEndpoint({ address: settings.host, port })}...`)
  context.printContractLine('Waiting for requests...')
  context.log(describeIo(settings.io))
  context.log(`Names are kept in ${join(context.dataFolder, 'dns.zone')}; the admin port is ${formatEndpoint({ address: settings.admin_host, port: adminPort })}`)
  const endpoints = (): ServiceEndpoint[] => [
    ...listeners.locals.flatMap(({ address }): ServiceEndpoint[] => [{ name: 'dns', transport: 'udp', address, port }, { name: 'dns', transport: 'tcp', address, port }]),
    ...adminDoor.locals.map(({ address }): ServiceEndpoint => ({ name: 'admin', transport: 'udp', address, port: adminPort })),
  ]
  const unfollow = followAddresses([{ host: settings.host, follow }, { host: settings.admin_host, follow: addresses => adminDoor.follow(addresses) }], { ...context, endpoints })
  closers.push(async () => unfollow())
  return {
    endpoints: endpoints(),
    pinned: { port, admin_port: adminPort },
    commands: { admin: async ({ line }) => ({ lines: await runAdminLine(Buffer.from(line, 'utf8').toString('latin1'), target) }) },
    async stop() {
      driver.stop()
      await stop()
    },
  }
}

/** In LAN mode, hides the canary names so that clients keep using this server, and lists them in the table. */
function hideCanaries({ settings, setRow }: Context): boolean {
  const hides = settings.canary === 'always' || (settings.canary === 'lan' && !isLoopback(settings.host))
  if (hides) for (const { name, effect } of CANARY_NAMES) setRow(`built in ${name}`, { name, type: 'any', data: `does not exist: ${effect}`, ttl: '', source: 'built in' })
  return hides
}

function onEvent(event: Exclude<ReportedEvent, { name: 'refused' }>, filtered: FilteredAnswers, answerLog: AnswerLog, table: NamesTable, health: Context['health']): void {
  switch (event.name) {
    case 'upstream': return health.set(`upstream ${event.zone}`, unreachable(event.zone, event.trouble))
    case 'filtered': return filtered.report(event)
    case 'cached': return table.showCached(event.finding.answers, event.expiresAtMs)
    case 'answered': if (answerLog.answered()) answerLog.report(event)
  }
}

function adminTarget({ changes }: Administration, { zone }: ZoneStore, machine: DnsServer, table: NamesTable): AdminTarget {
  return {
    zone,
    change: change => changes.change(change),
    decide: decide => changes.decide(decide),
    flush() {
      table.forgetCached()
      return machine.flush()
    },
  }
}

function unreachable(zone: string, trouble: string | undefined): string | undefined {
  if (trouble === undefined) return undefined
  return `Names ${zone === ROOT ? 'on the internet' : `below ${zone}`} cannot be resolved: ${trouble}`
}
