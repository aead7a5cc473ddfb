/**
 * Connects the sockets of the DNS server to its machine:
 *
 *     clients ──UDP──▶ listeners ──▶ datagram clients ─▶ ┌─────────┐ ──▶ upstream doors ──▶ UDP, TCP, TLS, HTTPS
 *     clients ──TCP──▶ listeners ──▶ stream clients ───▶ │ machine │ ◀──
 *                                   ◀─────────────────── └─────────┘
 */
import { formatEndpoint, type Path } from '../kit/endpoint.ts'
import { isLoopback } from '../kit/ip-address.ts'
import { drive, type Driver } from '../kit/node/drive.ts'
import { addressesToBind } from '../kit/node/local-addresses.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import type { AnswerLog } from './answer-log.ts'
import type { dns } from './contract.ts'
import type { Request } from './core/admin/authority.ts'
import { ClientLimit } from './core/answering/client-limit.ts'
import type { DnsEvent, DnsServer } from './core/answering/server.ts'
import { DatagramClients } from './datagram-clients.ts'
import { openListeners, type Listeners } from './listeners.ts'
import { StreamClients } from './stream-clients.ts'
import { UpstreamDoors } from './upstream/doors.ts'
import type { Message } from './wire/message.ts'
import { TYPE } from './wire/types.ts'

/** The events to report; upstream queries, updates and transfers are handled here. */
export type ReportedEvent = Exclude<DnsEvent, { name: 'ask' | 'forget' | 'updateAsked' | 'transferAsked' }>

export interface Sockets {
  readonly listeners: Listeners
  readonly driver: Driver
  /** Opens listeners on new addresses, and closes those on addresses that are gone. */
  follow(addresses: readonly string[]): Promise<void>
  close(): Promise<void>
}

export interface SocketsOptions {
  readonly context: ServiceContext<typeof dns>
  readonly machine: DnsServer
  readonly answerLog: AnswerLog
  /** Certificates trusted for upstreams (upstream-settings.ts). */
  readonly authorities: readonly string[]
  /** Makes a dynamic update. @returns the response code, once everything is durable */
  readonly update: (message: Message) => Promise<number>
  readonly report: (event: ReportedEvent) => void
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local; then nothing stays open */
export async function openSockets({ context, machine, answerLog, authorities, update, report }: SocketsOptions): Promise<Sockets> {
  const { settings, clock, trace, random } = context
  const streamClients = new StreamClients({
    trace, clock,
    receive(query, path) {
      machine.receiveOverTcp(query, path, clock.nowMs())
      driver.drain()
    },
  })
  let ownAddresses = new Set(addressesToBind('::'))
  const datagramClients = new DatagramClients({
    machine, answerLog, clock, limit: new ClientLimit(settings.rate_limit, random),
    isOwnAddress: address => isLoopback(address) || ownAddresses.has(address),
    drain: () => driver.drain(),
  })
  const upstreams = new UpstreamDoors({
    trace, clock, random, authorities, io: settings.io,
    receive: (message, query) => machine.receiveReply(message, query, clock.nowMs()),
    refused: (query, why) => machine.refused(query, why, clock.nowMs()),
    drain: () => driver.drain(),
  })
  // The first address may receive queries while the others are still being opened.
  let listeners: Listeners | undefined
  // One door for the driver: it routes answers to UDP or TCP, and sends all upstream queries in one batch.
  const routed = {
    send(path: Path, bytes: Uint8Array) {
      if (!streamClients.send(path, bytes)) listeners?.send(path, bytes)
    },
    sendTrain(): never {
      throw new Error('the DNS machine sends no trains')
    },
    flush() {
      listeners?.flush()
      upstreams.flush()
      return true
    },
  }
  const driver = drive({
    machine, clock,
    door: () => routed,
    onEvent(event) {
      if (event.name === 'ask') upstreams.ask(event.query)
      else if (event.name === 'forget') upstreams.forget(event.queries)
      else if (event.name === 'updateAsked') void update(event.request.message).then(rcode => answerUpdate(event.request, rcode)).catch((error: unknown) => context.fail(error))
      else if (event.name === 'transferAsked') transfer(event, context, streamClients)
      else report(event)
    },
  })
  const answerUpdate = (request: Request, rcode: number): void => {
    machine.answerUpdate(request, rcode)
    driver.drain()
  }
  const opened = listeners = await openListeners({
    addresses: addressesToBind(settings.host), port: settings.port, io: settings.io, trace, clock, log: context.log,
    receive: batch => datagramClients.receive(batch), accept: socket => streamClients.accept(socket),
  })
  return {
    listeners: opened, driver,
    follow(addresses) {
      ownAddresses = new Set(addressesToBind('::'))
      return opened.follow(addresses)
    },
    async close() {
      streamClients.stop()
      await Promise.all([upstreams.close(), opened.close()])
    },
  }
}

function transfer({ request: { path, message }, serial, messages }: Extract<DnsEvent, { name: 'transferAsked' }>, { trace, clock, emit }: ServiceContext<typeof dns>, clients: StreamClients): void {
  const transferred = { secondary: formatEndpoint(path.peer), kind: message.questions[0]?.type === TYPE.IXFR ? 'IXFR' as const : 'AXFR' as const, serial }
  trace.event('dns', { event: 'transferred', ...transferred }, clock.nowMs())
  emit('transferred', transferred)
  clients.stream(path, messages)
}
