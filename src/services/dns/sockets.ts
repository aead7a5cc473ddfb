/**
 * The sockets of the DNS server, joined with its machine:
 *
 *     clients ──UDP──▶ front doors ──▶ datagram clients ─▶ ┌─────────┐ ──▶ upstream doors ──▶ UDP, TCP, TLS, HTTPS
 *     clients ──TCP──▶ front doors ──▶ stream clients ───▶ │ machine │ ◀──
 *                                     ◀─────────────────── └─────────┘
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

/** What others hear of; queries, updates and transfers are answered here. */
export type NoticedEvent = Exclude<DnsEvent, { name: 'ask' | 'forget' | 'updateAsked' | 'transferAsked' }>

export interface Sockets {
  readonly front: Listeners
  readonly driver: Driver
  /** Answers on what is new among these addresses, and no longer on what is gone. */
  follow(addresses: readonly string[]): Promise<void>
  close(): Promise<void>
}

export interface SocketsOptions {
  readonly context: ServiceContext<typeof dns>
  readonly machine: DnsServer
  readonly answerLog: AnswerLog
  /** Certificates trusted for upstreams (upstream-settings.ts). */
  readonly authorities: readonly string[]
  /** Makes a dynamic update. @returns the response code, once everything is safe on disk */
  readonly update: (message: Message) => Promise<number>
  readonly notice: (event: NoticedEvent) => void
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local; then nothing stays open */
export async function openSockets({ context, machine, answerLog, authorities, update, notice }: SocketsOptions): Promise<Sockets> {
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
  // The first address may be asked while the others are still being opened.
  let front: Listeners | undefined
  // One door for the driver: an answer to a stream goes by it, and what is asked of upstreams leaves together.
  const routed = {
    send(path: Path, bytes: Uint8Array) {
      if (!streamClients.send(path, bytes)) front?.send(path, bytes)
    },
    sendTrain(): never {
      throw new Error('the DNS machine sends no trains')
    },
    flush() {
      front?.flush()
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
      else notice(event)
    },
  })
  const answerUpdate = (request: Request, rcode: number): void => {
    machine.answerUpdate(request, rcode)
    driver.drain()
  }
  const opened = front = await openListeners({
    addresses: addressesToBind(settings.host), port: settings.port, io: settings.io, trace, clock, log: context.log,
    receive: batch => datagramClients.receive(batch), accept: socket => streamClients.accept(socket),
  })
  return {
    front: opened, driver,
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
  const told = { secondary: formatEndpoint(path.peer), kind: message.questions[0]?.type === TYPE.IXFR ? 'IXFR' as const : 'AXFR' as const, serial }
  trace.event('dns', { event: 'transferred', ...told }, clock.nowMs())
  emit('transferred', told)
  clients.stream(path, messages)
}
