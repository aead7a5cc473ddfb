/**
 * A door behind a bad link: every datagram sent or received passes through a simulated link (kit/link.ts), which loses, delays, repeats
 * and damages it as configured. Each path, from one socket to one peer, has its own link in each direction.
 *
 *     machine ─ send ─▶ link out ─▶ socket          machine ◀─ receive ─ link in ◀─ socket
 *
 * While nothing is conditioned and nothing is held back, all of this costs one branch. A datagram lost outbound was never on the wire; one
 * lost inbound was. A packet capture shows exactly that.
 */
import { formatEndpoint, type Endpoint, type Path } from '../../endpoint.ts'
import { Link, PERFECT_LINK, type LinkCounts } from '../../link.ts'
import type { LinkSetting } from '../../link-text.ts'
import { seededRandom } from '../../random.ts'
import type { Clock } from '../clock.ts'
import type { DatagramBatch, DatagramDoor, DoorOptions } from './door.ts'

/** What links should do (link-conditioner.ts). */
export interface LinkRules {
  /** True if every link is perfect. */
  readonly areOff: boolean
  settingOf(path: Path): LinkSetting
  /** Counts the paths since the rules were set. Each path draws different random numbers, but the same ones in every run. */
  nextNumber(): number
  /** The door is closed: stop notifying it. */
  forget(door: ConditionedDoor): void
}

/** The most bytes that a door holds back, in all its links together; more are dropped. */
const HELD_BYTES_MAX = 128 * 1024 * 1024
/** The most paths that have links; one more replaces the oldest. */
const PATHS_MAX = 1024

interface PathLinks {
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
  readonly #links = new Map<string, PathLinks>()
  /** A path is usually the same object each time, so its links are found without building the key. */
  readonly #linksOfPath = new WeakMap<Path, PathLinks>()
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

  /** The receiver for the door below. */
  take(batch: DatagramBatch): void {
    if (this.#passes) return this.#receive(batch)
    for (let index = 0; index < batch.count; index++) {
      const path = batch.path(index)
      const offset = batch.offsets[index] ?? 0
      this.#put(this.#linksTo(path).in, batch.slab.slice(offset, offset + (batch.lengths[index] ?? 0)), { path, peerHash: batch.peerHash(index) })
    }
    this.#deliver()
  }

  /** Applies changed rules to everything sent from now on. What is in flight keeps its time and its order. */
  changed(): void {
    this.#pass()
    for (const links of this.#links.values()) condition(links, this.#rules.settingOf(links.path))
  }

  /** What happened to the datagrams of a path; undefined if none was conditioned. */
  counts(path: Path): { readonly out: LinkCounts; readonly in: LinkCounts } | undefined {
    const links = this.#links.get(pathKey(path))
    return links && { out: links.out.counts, in: links.in.counts }
  }

  /** Sends at once what is still in flight outbound, such as the closing packets of connections. */
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
    const before = link.inFlightBytes
    link.send(bytes, tag, this.#clock.nowMs())
    this.#heldBytes += link.inFlightBytes - before
  }

  /** Passes on what has come through the links by now, in both directions, and waits for the rest. */
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
    // Last, since the receiver responds to what it gets, and its response re-enters this function.
    if (arrived.length > 0) this.#receive(batchOf(arrived))
  }

  /** Bypasses the links once they have nothing to do and hold nothing back. */
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

  #linksTo(path: Path): PathLinks {
    const known = this.#linksOfPath.get(path)
    if (known !== undefined && this.#links.get(known.name) === known) return known
    const name = pathKey(path)
    const links = this.#links.get(name) ?? this.#make(name, path)
    this.#linksOfPath.set(path, links)
    return links
  }

  #make(name: string, path: Path): PathLinks {
    if (this.#links.size >= PATHS_MAX) this.#forgetFirst()
    const setting = this.#rules.settingOf(path)
    const number = this.#rules.nextNumber()
    const links = { name, path, out: new Link<Path>({}, seededRandom(spread(setting.seed, 2 * number))), in: new Link<Arrived>({}, seededRandom(spread(setting.seed, 2 * number + 1))) }
    condition(links, setting)
    this.#links.set(name, links)
    return links
  }

  #forgetFirst(): void {
    for (const [name, links] of this.#links) {
      this.#heldBytes -= links.out.inFlightBytes + links.in.inFlightBytes
      this.#links.delete(name)
      return
    }
  }
}

/** Identifies a path by its endpoints. Two sockets on one address have different ports, so the local port is enough. */
export function pathKey({ local, peer }: Path): string {
  return `${local.port} ${formatEndpoint(peer)}`
}

/**
 * Opens a door whose datagrams pass through links.
 * @param open opens the door below
 * @throws as `open`
 */
export async function openConditionedDoor(options: DoorOptions, rules: LinkRules, clock: Clock, open: (options: DoorOptions) => Promise<DatagramDoor>): Promise<ConditionedDoor> {
  let conditioned: ConditionedDoor | undefined
  const door = await open({ ...options, receive: batch => conditioned?.take(batch) })
  return conditioned = new ConditionedDoor(door, rules, clock, options.receive)
}

function condition({ out, in: back }: PathLinks, { conditions, direction }: LinkSetting): void {
  out.conditions = direction === 'in' ? PERFECT_LINK : conditions
  back.conditions = direction === 'out' ? PERFECT_LINK : conditions
}

/** Makes unrelated seeds out of consecutive ones. */
function spread(seed: number, salt: number): number {
  return (seed ^ Math.imul(salt + 1, 0x9e3779b9)) >>> 0
}

/** Datagrams that have passed their links, in the form in which the door below hands them over; without in-place replies. */
function batchOf(arrived: readonly (Arrived & { readonly bytes: Uint8Array })[]): DatagramBatch {
  const lengths = Uint32Array.from(arrived, ({ bytes }) => bytes.length)
  const offsets = new Uint32Array(arrived.length)
  for (let index = 1; index < offsets.length; index++) offsets[index] = (offsets[index - 1] ?? 0) + (lengths[index - 1] ?? 0)
  const slab = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0))
  arrived.forEach(({ bytes }, index) => slab.set(bytes, offsets[index]))
  const at = (index: number): Arrived => arrived[index] ?? outOfRange()
  return { count: arrived.length, slab, offsets, lengths, path: index => at(index).path, peerHash: index => at(index).peerHash, replies: NO_BYTES, replyLengths: NO_LENGTHS }
}

const NO_BYTES = new Uint8Array(0)
const NO_LENGTHS = new Uint32Array(0)

function outOfRange(): never {
  throw new RangeError('the batch has no datagram of this index')
}
