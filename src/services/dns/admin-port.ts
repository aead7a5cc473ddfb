/**
 * The admin port: plain text over UDP, one line a datagram, `OK …` or `ERROR …` back. The window's command comes here too. Lines
 * of other machines are limited, and taken as core/admin/admin-access.ts says; signed ones (core/admin/signed-line.ts) are done once.
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

/** What the lines act on. */
export interface AdminTarget {
  readonly zone: Zone
  /** Returns when the change is safe on disk. */
  change(change: ZoneChange): Promise<void>
  /** The same for a change that is decided by what the zone has when all changes before are made. */
  decide(decide: () => ZoneChange): Promise<void>
  /** @returns how many cached answers were forgotten */
  flush(): number
}

export interface AdminAccess {
  readonly keyOf: KeyOf
  readonly hmac: Hmac
  /** The time of day in seconds since 1970. */
  readonly wallSeconds: () => number
  /** Networks that the settings allow everything. */
  readonly allowed: readonly IpPrefix[]
  readonly onRefused: (refusal: Refusal) => void
}

export interface AdminPortOptions extends AdminAccess {
  readonly addresses: readonly string[]
  readonly port: number
  readonly target: AdminTarget
  readonly trace: TraceRing
  readonly clock: Clock
  /** Told once of each new address that cannot be opened. */
  readonly log: (text: string) => void
}

/** What an honest machine never needs in a second, and an app server that registers itself never meets. */
const LINES_OF_SENDER = { tokens: 40, tokensPerSecond: 10 }
/** HMAC, a key's name, seconds, nonce and the longest MAC. */
const SIGNATURE_BYTES_MAX = 512
const NETWORKS_HOLD_MS = 5000
/** A long list leaves in bursts that a reader's socket has room for, with time to read between them: what is lost is not sent again. */
const BURST_DATAGRAMS = 32
const BURST_EVERY_MS = 5

/**
 * Runs one line of this machine's own.
 * @param line one character an octet
 * @returns the reply's lines, of which the last begins with OK or ERROR; never throws
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
  const judge = new AdminJudge(options)
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
        // Two admin ports that are made to talk to each other by a forged sender must not go on for ever.
        if (/^(OK|ERROR)\b/.test(line)) continue
        void judge.replyTo(line, path).then(lines => send(path, toDatagrams(lines)))
      }
    },
  }, asked => openTracedDoor(asked, options.trace, 'admin', options.clock), options.log)
  return door
}

/** Lets in or refuses what comes by the network. */
class AdminJudge {
  readonly #signedLines: ReplayCache<readonly string[]>
  readonly #senders = new TokenBuckets(LINES_OF_SENDER)
  #networks: { readonly value: AdminNetworks; readonly untilMs: number } | undefined
  private readonly options: AdminPortOptions

  constructor(options: AdminPortOptions) {
    this.options = options
    this.#signedLines = new ReplayCache(options.wallSeconds())
  }

  /** @returns the reply's lines; none where silence is the answer */
  async replyTo(line: string, { peer }: Path): Promise<readonly string[]> {
    try {
      if (!isThisMachine(peer.address, this.#networksNow(peer.address).own, false)) {
        const verdict = this.#senders.take(peer.address, this.options.clock.nowMs())
        if (verdict === 'silenced') return []
        if (verdict === 'refused') throw new UsageError('The line was not taken', `${peer.address} sends more than ${LINES_OF_SENDER.tokensPerSecond} lines a second`, 'send it again later')
      }
      if (line.length > ADMIN_LINE_BYTES_MAX + SIGNATURE_BYTES_MAX) throw new UsageError('The line is too long', `it has ${line.length} octets`, 'write less')
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
      case 'too-old': throw new UsageError('The signed line was not taken', 'it was signed before this server was started, or too many were signed since', 'sign it again')
      case 'new': break
    }
    const lines = await this.#runFor(line, { address, signedBy: keyName }).catch((error: unknown) => [formatAdminError(error)])
    // A list is long, and whoever sends the line again may be another than who signed it.
    this.#signedLines.answered(mac, signedAtSeconds, lines.length === 1 ? lines : ['ERROR The signed line was not taken: it was answered before. You may sign it again.'])
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
    // Whose a name is may change while others' changes are on their way to the disk.
    await target.decide(() => {
      mayRun()
      return command.change
    })
    return [formatChanged(command.change)]
  }

  /** Asked of the system now and then only; a sender on loopback needs none of it. */
  #networksNow(address: string): AdminNetworks {
    const { clock, allowed } = this.options
    if (isLoopback(address)) return { own: [], subnets: [], allowed }
    const nowMs = clock.nowMs()
    if (this.#networks === undefined || nowMs >= this.#networks.untilMs) {
      const networks = localNetworks()
      const value = { own: networks.map(text => text.replace(/\/.*$/, '')), subnets: networks.flatMap(text => parseIpPrefix(text) ?? []), allowed }
      this.#networks = { value, untilMs: nowMs + NETWORKS_HOLD_MS }
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

/** Verb and name are what a person wants to read of a line that was refused. */
function printable(line: string): string {
  return line.slice(0, 80).replace(/[^\x20-\x7e]/g, '?').split(' ').slice(0, 2).join(' ')
}
