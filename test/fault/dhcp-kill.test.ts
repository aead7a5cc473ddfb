import { afterAll, beforeAll, expect, test } from 'vitest'
import { formatIpv4, parseIpv4 } from '../../src/services/kit/ip-address.ts'
import type { DatagramDoor } from '../../src/services/kit/node/udp/door.ts'
import { freePort } from '../../src/services/kit/node/testing/free-port.ts'
import { openDoor } from '../../src/services/kit/node/udp/open-door.ts'
import { below, seededRandom } from '../../src/services/kit/random.ts'
import { decodeMessage, encodeMessage, MESSAGE_TYPE } from '../../src/services/dhcp/wire/message.ts'
import type { Options } from '../../src/services/dhcp/wire/options.ts'
import { emptyFolder, RunningHamlet } from '../support/hamlet.ts'

const KILLS = 200
const SEED = 20261128
const ATTEMPTS = 4
const ANSWER_WITHIN_MS = 2_000
const SERVER = parseIpv4('127.0.0.1') ?? 0
const data = emptyFolder()
const random = seededRandom(SEED)
let server: RunningHamlet
const port = await freePort()

async function startServer(): Promise<void> {
  server = new RunningHamlet(['dhcp', '--host', '127.0.0.1', '--port', String(port), '--pool', '127.1.0.0-127.1.255.255', '--data', data])
  await server.line(/^Server is running on port \d+/)
}

/** Numbered clients, each with its own hardware address and xid. */
class Clients {
  /** The address that each client was promised by an ACK. */
  readonly acked = new Map<number, number>()
  readonly #holder = new Map<number, number>()
  readonly violations: string[] = []
  readonly #door: DatagramDoor
  #onAck = (_client: number) => {}
  #next = 0

  private constructor(door: DatagramDoor) {
    this.#door = door
  }

  static async open(): Promise<Clients> {
    const door = await openDoor({
      addresses: ['127.0.0.1'], port: 0,
      receive({ count, slab, offsets, lengths }) {
        for (let index = 0; index < count; index++) clients.#receive(slab.subarray(offsets[index], (offsets[index] ?? 0) + (lengths[index] ?? 0)))
      },
    })
    const clients = new Clients(door)
    return clients
  }

  /** Has new clients request leases until `acks` have been acknowledged, and leaves the requests in flight as they are. */
  obtain(acks: number): Promise<void> {
    return new Promise(resolve => {
      let left = acks
      this.#onAck = () => {
        if (--left === 0) resolve()
        else if (left > 0) this.#discover()
      }
      for (let index = 0; index < 40; index++) this.#discover()
    })
  }

  /** Requests the address that each of these clients was promised, as a rebooting client does (INIT-REBOOT). A server without a record of it stays silent. */
  async confirm(some: readonly number[]): Promise<void> {
    const waiting = new Set(some)
    for (let attempt = 0; attempt < ATTEMPTS && waiting.size > 0; attempt++) {
      for (const group of groupsOf([...waiting], 100)) {
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, ANSWER_WITHIN_MS)
          this.#onAck = client => {
            waiting.delete(client)
            if (group.some(one => waiting.has(one))) return
            clearTimeout(timer)
            resolve()
          }
          for (const client of group) this.#send(client, { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: this.acked.get(client) })
        })
      }
    }
    for (const client of waiting) this.violations.push(`the server has no record of ${formatIpv4(this.acked.get(client) ?? 0)}, which client ${client} was promised`)
    this.#onAck = () => {}
  }

  close(): Promise<void> {
    return this.#door.close()
  }

  #discover(): void {
    this.#send(this.#next++, { messageType: MESSAGE_TYPE.DISCOVER })
  }

  #receive(bytes: Uint8Array): void {
    const { xid: client, yiaddr, options: { messageType } } = decodeMessage(bytes)
    if (messageType === MESSAGE_TYPE.OFFER) return this.#send(client, { messageType: MESSAGE_TYPE.REQUEST, requestedAddress: yiaddr, serverIdentifier: SERVER })
    if (messageType === MESSAGE_TYPE.NAK) this.violations.push(`client ${client} was refused ${formatIpv4(this.acked.get(client) ?? 0)}`)
    else {
      const [before, holder] = [this.acked.get(client), this.#holder.get(yiaddr)]
      if (before !== undefined && before !== yiaddr) this.violations.push(`client ${client} was promised ${formatIpv4(before)} and then ${formatIpv4(yiaddr)}`)
      if (holder !== undefined && holder !== client) this.violations.push(`${formatIpv4(yiaddr)} was promised to clients ${holder} and ${client}`)
      this.acked.set(client, yiaddr)
      this.#holder.set(yiaddr, client)
    }
    this.#onAck(client)
  }

  #send(client: number, options: Options): void {
    const bytes = encodeMessage({
      op: 1, htype: 1, hops: 0, xid: client, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0,
      chaddr: Uint8Array.of(2, 0, client >>> 24, client >>> 16, client >>> 8, client), sname: '', file: '', options,
    })
    this.#door.send(this.#door.pathTo({ address: '127.0.0.1', port }), bytes)
    this.#door.flush()
  }
}

function groupsOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, group) => items.slice(group * size, (group + 1) * size))
}

let clients: Clients
beforeAll(async () => { clients = await Clients.open() })
afterAll(async () => {
  await clients.close()
  await server.stop('SIGKILL')
})

test(`after ${KILLS} kill -9 while leasing, no acknowledged lease is lost and no address is promised twice`, async () => {
  await startServer()
  for (let kill = 0; kill < KILLS; kill++) {
    await clients.obtain(1 + below(random, 60))
    await server.stop('SIGKILL')
    await startServer()
    const known = [...clients.acked.keys()]
    await clients.confirm(Array.from({ length: 20 }, () => known[below(random, known.length)] ?? 0))
    expect(clients.violations, `seed ${SEED}, kill ${kill}`).toEqual([])
  }
  await clients.confirm([...clients.acked.keys()])
  expect(clients.violations, `seed ${SEED}`).toEqual([])
  expect(clients.acked.size).toBeGreaterThan(KILLS * 10)
  expect(await server.stop()).toBe(0)
}, 600_000)
