/**
 * A door behind a bad link: every datagram that leaves or arrives goes through a simulated one (kit/link.ts), which loses, delays,
 * repeats and damages it as it was told. Each way from a socket to a peer has a link of its own in each direction.
 *
 *     machine ─ send ─▶ link out ─▶ socket          machine ◀─ receive ─ link in ◀─ socket
 *
 * As long as nothing is conditioned and nothing is held back, all of this is one branch. What the link loses on the way out was never
 * on the wire, and what it loses on the way in was: a capture beside it sees just that.
 */
import { formatEndpoint, type Endpoint, type Path } from '../../endpoint.ts'
import { Link, PERFECT_LINK, type LinkCounts } from '../../link.ts'
import type { LinkSetting } from '../../link-text.ts'
import { seededRandom } from '../../random.ts'
import type { Clock } from '../clock.ts'
import type { DatagramBatch, DatagramDoor, DoorOptions } from './door.ts'

/** What links are to do (link-conditioner.ts). */
export interface LinkRules {
  /** No link does anything. */
  readonly areOff: boolean
  settingOf(path: Path): LinkSetting
  /** How many links were made before this one since the rules were set: each draws other numbers, and the same ones every night. */
  nextNumber(): number
  /** The door is closed, and wants to hear of nothing more. */
  forget(door: ConditionedDoor): void
}

/** Bytes that one door holds back at most, in all links together; more are dropped. */
const HELD_BYTES_MAX = 128 * 1024 * 1024
/** Ways that have links; one more takes the place of the first. */
const WAYS_MAX = 1024

interface WayLinks {
  readonly name: string
  readonly path: Path
  readonly out: Link<Path>
  readonly in: Link<Arrived>
}

interface Arrived {
  readonly path: Path
  readonly peerHash: number
}

export class ConditionedDoor implements DatagramDoor {
  readonly #door: DatagramDoor
  readonly #rules: LinkRules
  readonly #clock: Clock
  readonly #receive: DoorOptions['receive']
  readonly #links = new Map<string, WayLinks>()
  /** The same way is the same object as a rule: its links are found without making a text of it. */
  readonly #linksOfPath = new WeakMap<Path, WayLinks>()
  /** Datagrams pass untouched. */
  #passes: boolean
  #heldBytes = 0
  #wakesAtMs = Infinity
  #cancel = (): void => undefined

  /** Use `openConditionedDoor`. */
  constructor(door: DatagramDoor, rules: LinkRules, clock: Clock, receive: DoorOptions['receive']) {
    this.#door = door
    this.#rules = rules
    this.#clock = clock
    this.#receive = receive
    this.#passes = rules.areOff
  }

  get locals(): readonly Endpoint[] {
    return this.#door.locals
  }

  pathTo(peer: Endpoint, localAddress?: string): Path {
    return this.#door.pathTo(peer, localAddress)
  }

  send(path: Path, bytes: Uint8Array): void {
    if (this.#passes) return this.#door.send(path, bytes)
    this.#put(this.#linksTo(path).out, bytes.slice(), path)
  }

  sendTrain(path: Path, bytes: Uint8Array, segmentBytes: number): void {
    if (this.#passes) return this.#door.sendTrain(path, bytes, segmentBytes)
    const { out } = this.#linksTo(path)
    const copy = bytes.slice()
    for (let at = 0; at < copy.length; at += segmentBytes) this.#put(out, copy.subarray(at, at + segmentBytes), path)
  }

  flush(): boolean {
    if (!this.#passes) this.#deliver()
    return this.#door.flush()
  }

  /** To be given to the door below as its receiver. */
  take(batch: DatagramBatch): void {
    if (this.#passes) return this.#receive(batch)
    for (let index = 0; index < batch.count; index++) {
      const path = batch.path(index)
      const offset = batch.offsets[index] ?? 0
      this.#put(this.#linksTo(path).in, batch.slab.slice(offset, offset + (batch.lengths[index] ?? 0)), { path, peerHash: batch.peerHash(index) })
    }
    this.#deliver()
  }

  /** The rules are others now. They hold for what is sent from now on; what is on its way keeps its time and its order. */
  changed(): void {
    this.#pass()
    for (const links of this.#links.values()) condition(links, this.#rules.settingOf(links.path))
  }

  /** What happened to the datagrams of a way; undefined where none was conditioned. */
  counts(path: Path): { readonly out: LinkCounts; readonly in: LinkCounts } | undefined {
    const links = this.#links.get(wayName(path))
    return links && { out: links.out.counts, in: links.in.counts }
  }

  /** What still is on its way out leaves at once: the last words of a connection are among it. */
  close(): Promise<void> {
    this.#rules.forget(this)
    this.#cancel()
    for (const { out } of this.#links.values()) this.#sendUntil(out, Infinity)
    this.#links.clear()
    this.#passes = true
    this.#door.flush()
    return this.#door.close()
  }

  #put<Tag>(link: Link<Tag>, bytes: Uint8Array, tag: Tag): void {
    if (this.#heldBytes + bytes.length > HELD_BYTES_MAX) return
    const before = link.onTheWayBytes
    link.send(bytes, tag, this.#clock.nowMs())
    this.#heldBytes += link.onTheWayBytes - before
  }

  /** Hands on what has come through the links by now, both ways, and waits for the rest. */
  #deliver(): void {
    const nowMs = this.#clock.nowMs()
    const arrived: (Arrived & { readonly bytes: Uint8Array })[] = []
    for (const links of this.#links.values()) {
      this.#sendUntil(links.out, nowMs)
      for (let came = links.in.receive(nowMs); came !== undefined; came = links.in.receive(nowMs)) {
        this.#heldBytes -= came.bytes.length
        arrived.push({ ...came.tag, bytes: came.bytes })
      }
    }
    this.#door.flush()
    this.#pass()
    this.#wait()
    // The last step: what is received is answered, and the answer comes back to here.
    if (arrived.length > 0) this.#receive(batchOf(arrived))
  }

  /** Once nothing is to be done and nothing held back, the links are out of the way. */
  #pass(): void {
    this.#passes = this.#rules.areOff && this.#heldBytes === 0
    if (this.#passes) this.#links.clear()
  }

  #sendUntil(out: Link<Path>, untilMs: number): void {
    for (let left = out.receive(untilMs); left !== undefined; left = out.receive(untilMs)) {
      this.#heldBytes -= left.bytes.length
      this.#door.send(left.tag, left.bytes)
    }
  }

  #wait(): void {
    let nextMs = Infinity
    for (const links of this.#links.values()) nextMs = Math.min(nextMs, links.out.deadlineMs(), links.in.deadlineMs())
    if (nextMs >= this.#wakesAtMs) return
    this.#cancel()
    this.#wakesAtMs = nextMs
    this.#cancel = this.#clock.wakeAt(nextMs, () => {
      this.#wakesAtMs = Infinity
      this.#deliver()
    })
  }

  #linksTo(path: Path): WayLinks {
    const known = this.#linksOfPath.get(path)
    if (known !== undefined && this.#links.get(known.name) === known) return known
    const name = wayName(path)
    const links = this.#links.get(name) ?? this.#make(name, path)
    this.#linksOfPath.set(path, links)
    return links
  }

  #make(name: string, path: Path): WayLinks {
    if (this.#links.size >= WAYS_MAX) this.#forgetFirst()
    const setting = this.#rules.settingOf(path)
    const number = this.#rules.nextNumber()
    const links = { name, path, out: new Link<Path>({}, seededRandom(spread(setting.seed, 2 * number))), in: new Link<Arrived>({}, seededRandom(spread(setting.seed, 2 * number + 1))) }
    condition(links, setting)
    this.#links.set(name, links)
    return links
  }

  #forgetFirst(): void {
    for (const [name, links] of this.#links) {
      this.#heldBytes -= links.out.onTheWayBytes + links.in.onTheWayBytes
      this.#links.delete(name)
      return
    }
  }
}

/** A way by its ends. Two sockets of one address have two ports, so the local one's is enough. */
export function wayName({ local, peer }: Path): string {
  return `${local.port} ${formatEndpoint(peer)}`
}

/**
 * Opens a door whose datagrams go through links.
 * @param open opens the door below
 * @throws as `open`
 */
export async function openConditionedDoor(options: DoorOptions, rules: LinkRules, clock: Clock, open: (options: DoorOptions) => Promise<DatagramDoor>): Promise<ConditionedDoor> {
  let conditioned: ConditionedDoor | undefined
  const door = await open({ ...options, receive: batch => conditioned?.take(batch) })
  return conditioned = new ConditionedDoor(door, rules, clock, options.receive)
}

function condition({ out, in: back }: WayLinks, { conditions, direction }: LinkSetting): void {
  out.conditions = direction === 'in' ? PERFECT_LINK : conditions
  back.conditions = direction === 'out' ? PERFECT_LINK : conditions
}

/** Seeds that differ by one give numbers that have nothing to do with one another. */
function spread(seed: number, salt: number): number {
  return (seed ^ Math.imul(salt + 1, 0x9e3779b9)) >>> 0
}

/** Datagrams that have come through their links, as the door below would hand them over; there is no room for answers in place. */
function batchOf(arrived: readonly (Arrived & { readonly bytes: Uint8Array })[]): DatagramBatch {
  const lengths = Uint32Array.from(arrived, ({ bytes }) => bytes.length)
  const offsets = new Uint32Array(arrived.length)
  for (let index = 1; index < offsets.length; index++) offsets[index] = (offsets[index - 1] ?? 0) + (lengths[index - 1] ?? 0)
  const slab = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
  arrived.forEach(({ bytes }, index) => slab.set(bytes, offsets[index]))
  const at = (index: number): Arrived => arrived[index] ?? raise()
  return { count: arrived.length, slab, offsets, lengths, path: index => at(index).path, peerHash: index => at(index).peerHash, replies: NO_BYTES, replyLengths: NO_LENGTHS }
}

const NO_BYTES = new Uint8Array(0)
const NO_LENGTHS = new Uint32Array(0)

function raise(): never {
  throw new RangeError('a batch was asked for a datagram that it does not have')
}
