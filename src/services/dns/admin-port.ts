/**
 * The admin port: plain text over UDP, one line per datagram, answered with `OK …` or `ERROR …`. The window's admin command uses
 * the same code. Lines from other machines are rate-limited and authorized (core/admin/admin-access.ts); a signed line
 * (core/admin/signed-line.ts) runs only once.
 */
import type { Path } from '../kit/endpoint.ts'
import { formatEndpoint } from '../kit/endpoint.ts'
import { partsOf, UsageError } from '../kit/errors.ts'
import { isLoopback } from '../kit/ip-address.ts'
import { parseIpPrefix, type IpPrefix } from '../kit/ip-prefix.ts'
import type { Clock } from '../kit/node/clock.ts'
import { localNetworks } from '../kit/node/local-addresses.ts'
import { openFollowingDoor, type FollowingDoor } from '../kit/node/udp/following-door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { TraceRing } from '../kit/trace.ts'
import { ADMIN_LINE_BYTES_MAX, formatAdminError, formatChanged, formatList, parseAdminLine, toDatagrams, type AdminCommand } from './core/admin/admin.ts'
import { refusalOf, type AdminNetworks, type Sender } from './core/admin/admin-access.ts'
import { ReplayCache } from './core/admin/replay-cache.ts'
import { isSigned, verifyLine } from './core/admin/signed-line.ts'
import { isThisMachine } from './core/admin/this-machine.ts'
import { TokenBuckets } from './core/admin/token-buckets.ts'
import type { Hmac, KeyOf } from './core/admin/tsig.ts'
import type { Zone } from './core/zone/zone.ts'
import type { ZoneChange } from './core/zone/zone-change.ts'
import type { Refusal } from './refusals.ts'

/** What admin lines act on. */
export interface AdminTarget {
  readonly zone: Zone
  /** Returns when the change is durable. */
  change(change: ZoneChange): Promise<void>
  /** The same for a change that depends on the zone's state after all earlier changes. */
  decide(decide: () => ZoneChange): Promise<void>
  /** @returns the number of cached answers removed */
  flush(): number
}

export interface AdminAccess {
  readonly keyOf: KeyOf
  readonly hmac: Hmac
  /** Wall-clock time in seconds since 1970. */
  readonly wallSeconds: () => number
  /** Networks to which the settings allow everything. */
  readonly allowed: readonly IpPrefix[]
  readonly onRefused: (refusal: Refusal) => void
}

export interface AdminPortOptions extends AdminAccess {
  readonly addresses: readonly string[]
  readonly port: number
  readonly target: AdminTarget
  readonly trace: TraceRing
  readonly clock: Clock
  /** Called once for each new address that cannot be opened. */
  readonly log: (text: string) => void
}

/** More lines than any honest machine needs, and far more than an application server sends to register itself. */
const LINES_OF_SENDER = { tokens: 40, tokensPerSecond: 10 }
/** Room for "HMAC", a key name, seconds, a nonce and the longest MAC. */
const SIGNATURE_BYTES_MAX = 512
const NETWORKS_TTL_MS = 5000
/**
 * A long list leaves in bursts that fit a client's socket buffer,
 * with time to read in between: lost datagrams are not resent.
 */
const BURST_DATAGRAMS = 32
const BURST_EVERY_MS = 5

/**
 * Runs one line from this machine.
 * @param line one character per octet
 * @returns the lines of the reply, the last of which begins with OK or ERROR; never throws
 */
export async function runAdminLine(line: string, target: AdminTarget): Promise<string[]> {
  try {
    return await run(parseAdminLine(line), target)
  } catch (error) {
    return [formatAdminError(error)]
  }
}

/** @throws HamletError port-taken, port-not-permitted or address-not-local */
export async function openAdminPort(options: AdminPortOptions): Promise<FollowingDoor> {
  const handler = new AdminHandler(options)
  const send = (path: Path, texts: readonly string[]): void => {
    for (const text of texts.slice(0, BURST_DATAGRAMS)) door.send(path, Buffer.from(text, 'utf8'))
    door.flush()
    if (texts.length > BURST_DATAGRAMS) options.clock.wakeAt(options.clock.nowMs() + BURST_EVERY_MS, () => send(path, texts.slice(BURST_DATAGRAMS)))
  }
  const door: FollowingDoor = await openFollowingDoor({
    addresses: options.addresses, port: options.port,
    receive(batch) {
      const { count, slab, offsets, lengths } = batch
      for (let index = 0; index < count; index++) {
        const offset = offsets[index] ?? 0
        const path = batch.path(index)
        const line = Buffer.from(slab.subarray(offset, offset + (lengths[index] ?? 0))).toString('latin1')
        // A forged sender address must not make two admin ports answer each other forever.
        if (/^(OK|ERROR)\b/.test(line)) continue
        void handler.replyTo(line, path).then(lines => send(path, toDatagrams(lines)))
      }
    },
  }, asked => openTracedDoor(asked, options.trace, 'admin', options.clock), options.log)
  return door
}

/** Authorizes and runs the lines that come from the network. */
class AdminHandler {
  readonly #signedLines: ReplayCache<readonly string[]>
  readonly #senders = new TokenBuckets(LINES_OF_SENDER)
  #networks: { readonly value: AdminNetworks; readonly untilMs: number } | undefined
  private readonly options: AdminPortOptions

  constructor(options: AdminPortOptions) {
    this.options = options
    this.#signedLines = new ReplayCache(options.wallSeconds())
  }

  /** @returns the lines of the reply; none if there must be no reply */
  async replyTo(line: string, { peer }: Path): Promise<readonly string[]> {
    try {
      if (!isThisMachine(peer.address, this.#networksNow(peer.address).own, false)) {
        const verdict = this.#senders.take(peer.address, this.options.clock.nowMs())
        if (verdict === 'silenced') return []
        if (verdict === 'refused') throw new UsageError('The line was rejected', `${peer.address} sends more than ${LINES_OF_SENDER.tokensPerSecond} lines a second`, 'send it again later')
      }
      if (line.length > ADMIN_LINE_BYTES_MAX + SIGNATURE_BYTES_MAX) throw new UsageError('The line is too long', `it has ${line.length} octets`, 'shorten it')
      return await (isSigned(line) ? this.#replyToSigned(line, peer.address) : this.#runFor(line, { address: peer.address, signedBy: undefined }))
    } catch (error) {
      if (partsOf(error).code === 'usage') this.options.onRefused({ client: formatEndpoint(peer), asked: printable(line), why: partsOf(error).why })
      return [formatAdminError(error)]
    }
  }

  async #replyToSigned(signedLine: string, address: string): Promise<readonly string[]> {
    const { keyOf, hmac, wallSeconds } = this.options
    const { line, keyName, signedAtSeconds, mac } = verifyLine(signedLine, keyOf, hmac, wallSeconds())
    const recalled = this.#signedLines.check(mac, signedAtSeconds, wallSeconds())
    switch (recalled.kind) {
      case 'pending': return []
      case 'done': return recalled.answer
      case 'too-old': throw new UsageError('The signed line was rejected', 'it was signed before this server started, or too many lines were signed since', 'sign it again')
      case 'new': break
    }
    const lines = await this.#runFor(line, { address, signedBy: keyName }).catch((error: unknown) => [formatAdminError(error)])
    // Only short replies are kept: a list is long, and a replayed line may come from someone other than its signer.
    this.#signedLines.answered(mac, signedAtSeconds, lines.length === 1 ? lines : ['ERROR The signed line was rejected: it was answered before. Sign it again.'])
    return lines
  }

  async #runFor(line: string, sender: Sender): Promise<string[]> {
    const { target, allowed } = this.options
    const command = parseAdminLine(line)
    const networks = { ...this.#networksNow(sender.address), allowed }
    const mayRun = (): void => {
      const refusal = refusalOf(command, sender, networks, target.zone)
      if (refusal !== undefined) throw refusal
    }
    mayRun()
    if (command.verb !== 'change' || sender.signedBy !== undefined || isThisMachine(sender.address, networks.own, false)) return run(command, target)
    // The owner of a name may change while earlier changes are still on their way to the disk.
    await target.decide(() => {
      mayRun()
      return command.change
    })
    return [formatChanged(command.change)]
  }

  /** Read from the operating system at most every 5 s; not needed for a sender on loopback. */
  #networksNow(address: string): AdminNetworks {
    const { clock, allowed } = this.options
    if (isLoopback(address)) return { own: [], subnets: [], allowed }
    const nowMs = clock.nowMs()
    if (this.#networks === undefined || nowMs >= this.#networks.untilMs) {
      const networks = localNetworks()
      const value = { own: networks.map(text => text.replace(/\/.*$/, '')), subnets: networks.flatMap(text => parseIpPrefix(text) ?? []), allowed }
      this.#networks = { value, untilMs: nowMs + NETWORKS_TTL_MS }
    }
    return this.#networks.value
  }
}

async function run(command: AdminCommand, target: AdminTarget): Promise<string[]> {
  if (command.verb === 'list') return formatList(target.zone.records(), target.zone.size)
  if (command.verb === 'flush') {
    const count = target.flush()
    return [`OK ${count} cached ${count === 1 ? 'answer' : 'answers'} forgotten`]
  }
  await target.change(command.change)
  return [formatChanged(command.change)]
}

/** The verb and the name of a refused line, for the log. */
function printable(line: string): string {
  return line.slice(0, 80).replace(/[^\x20-\x7e]/g, '?').split(' ').slice(0, 2).join(' ')
}
