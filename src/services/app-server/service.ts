/** The application server: one site over both TCP and RUDP, its name registered at a DNS server. */
import { resolve } from 'node:path'
import { parseEndpoint, formatEndpoint } from '../kit/endpoint.ts'
import type { ServiceEndpoint } from '../kit/host-protocol.ts'
import { formatLink } from '../kit/link-text.ts'
import { lockFolder } from '../kit/node/folder-lock.ts'
import { collectLessOften } from '../kit/node/garbage-collection.ts'
import { openJournal } from '../kit/node/journal.ts'
import { followAddresses } from '../kit/node/follow-addresses.ts'
import { addressesToBind } from '../kit/node/local-addresses.ts'
import { implement, type RunningService, type ServiceContext } from '../kit/node/service.ts'
import { listenStreams } from '../kit/node/streams.ts'
import { describeIo } from '../kit/node/udp/open-door.ts'
import { identitySecret } from '../rudp/identity-file.ts'
import { Lab } from '../rudp/lab.ts'
import type { RudpSocket } from '../rudp/socket.ts'
import { listenRudp, type AcceptedEncryption } from '../rudp/listener.ts'
import { Connections } from './connections.ts'
import { appServer } from './contract.ts'
import { staticController } from './controllers/static.ts'
import { demoSite } from './demo-site.ts'
import { createHttpServer, refuseSlow, type Served } from './http-server.ts'
import { LIMITS, type Limits } from './limits.ts'
import type { Controller } from './message.ts'
import { Guestbook, guestbookEntry } from './models/guestbook.ts'
import { keepRegistering } from './registration.ts'
import { StaticFolder } from './static-files.ts'

type Context = ServiceContext<typeof appServer>

const DNS_ADMIN_PORT = 5354
const TARGET_LENGTH_SHOWN = 200

export const appServerService = implement(appServer, context => {
  collectLessOften()
  return startAppServer(context, LIMITS)
})

/** @throws HamletError site-missing, port-taken, port-not-permitted, address-not-local; nothing stays open then */
export async function startAppServer(context: Context, limits: Limits): Promise<RunningService<typeof appServer>> {
  const { settings, clock, random, trace } = context
  const { host, tcp_port, udp_port, io, link, congestion } = settings
  const lab = new Lab({ clock, link, congestion })
  const site = await openSite(context)
  const connections: Connections = new Connections({ limits, clock, setRow: context.setRow, onSlow: connection => refuseSlow(connections, connection) })
  const accept = createHttpServer({ site: site.controller, limits, clock, connections, log: context.log, onServed: served => reportServed(context, served) })
  const closing: (() => Promise<void>)[] = [site.close]
  const stop = async () => {
    connections.close()
    for (const close of closing.reverse()) await close()
  }
  try {
    const addresses = addressesToBind(host)
    const tcp = await listenStreams({ addresses, port: tcp_port, allowHalfOpen: true, accept: socket => accept(socket, 'tcp'), log: context.log })
    closing.push(() => tcp.close())
    const tcpPort = tcp.locals[0]?.port ?? tcp_port
    const encryption = await acceptedEncryption(context)
    const acceptRudp = (socket: RudpSocket): void => {
      socket.lendsPieces = true
      accept(socket, 'rudp')
    }
    const rudp = await listenRudp({ addresses, port: udp_port, io, lab, encryption, accept: acceptRudp, clock, random, trace, log: context.log })
    closing.push(() => rudp.close())
    const udpPort = rudp.locals[0]?.port ?? udp_port
    context.printContractLine(`[server] listening on ${formatEndpoint({ address: host, port: tcpPort })}`)
    context.printContractLine(`[server] RUDP listening on ${formatEndpoint({ address: host, port: udpPort })}`)
    if (rudp.identity !== undefined) context.log(`encrypted RUDP is ${settings.encryption}; this server's identity is x25519 ${rudp.identity}`)
    context.log(describeIo(io))
    if (!lab.conditioner.areOff) context.log(`RUDP uses a simulated link with ${formatLink(lab.conditioner.setting)}`)
    const stopRegistering = registerAt(context, tcpPort, udpPort)
    closing.push(async () => stopRegistering())
    const endpoints = (): ServiceEndpoint[] => [
      ...tcp.locals.map(local => ({ name: 'http', transport: 'tcp' as const, ...local })),
      ...rudp.locals.map(local => ({ name: 'rudp', transport: 'udp' as const, ...local })),
    ]
    const unfollow = followAddresses([{ host, follow: addresses => Promise.all([tcp.follow(addresses), rudp.follow(addresses)]) }], { ...context, endpoints })
    closing.push(async () => unfollow())
    return {
      endpoints: endpoints(),
      pinned: { tcp_port: tcpPort, udp_port: udpPort },
      commands: lab.commands,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The folder that `--site` names, or the demo site with its guestbook. */
async function openSite({ settings, assetsFolder, dataFolder, log }: Context): Promise<{ controller: Controller; close: () => Promise<void> }> {
  if (settings.site !== undefined) {
    const controller = staticController(await StaticFolder.open(resolve(settings.site), log))
    return { controller, close: () => Promise.resolve() }
  }
  const folder = await StaticFolder.open(resolve(assetsFolder, 'site'), log)
  const lock = await lockFolder(dataFolder, appServer.id)
  try {
    const { journal, records, warnings } = await openJournal({ folder: dataFolder, name: 'guestbook.jsonl', parse: record => guestbookEntry.parse(record) })
    warnings.forEach(log)
    const controller = demoSite({ domain: settings.domain, folder, book: new Guestbook(journal, records), log })
    return { controller, close: () => journal.close().finally(() => lock.release()) }
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function acceptedEncryption({ settings: { encryption }, dataFolder }: Context): Promise<AcceptedEncryption | undefined> {
  return encryption === 'off' ? undefined : { identitySecret: await identitySecret(dataFolder), acceptsPlain: encryption === 'offered' }
}

function registerAt({ settings, clock, log, emit, health }: Context, tcpPort: number, udpPort: number): () => void {
  if (settings.dns === undefined) return () => undefined
  const { domain, host } = settings
  const server = parseEndpoint(settings.dns, DNS_ADMIN_PORT)
  return keepRegistering({
    server, domain, host, tcpPort, udpPort, keyFile: settings.dns_key, clock,
    onRegistered(address) {
      log(`registered ${domain} as ${address} at ${formatEndpoint(server)}`)
      health.set('name', undefined)
      emit('registered', { domain, address })
    },
    onFailed: sentence => health.set('name', `${domain} is not registered: ${sentence}; retrying`),
  })
}

function reportServed({ log, emit, trace, clock }: Context, { connection: { transport, peer }, method, target, status, bytes, tookMs, complete, isProbe }: Served): void {
  const shown = target.length > TARGET_LENGTH_SHOWN ? `${target.slice(0, TARGET_LENGTH_SHOWN)}…` : target
  const request = { transport, peer, method, target: shown, status, bytes, tookMs: Math.round(tookMs * 10) / 10, complete }
  log(`${transport} ${peer} ${method} ${shown} ${status} ${bytes} B ${request.tookMs} ms${complete ? '' : ', incomplete'}${isProbe ? ', lamp probe' : ''}`)
  emit('request', request)
  trace.event('http', request, clock.nowMs())
}
