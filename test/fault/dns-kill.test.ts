import { createSocket, type Socket } from 'node:dgram'
import { watch } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { below, seededRandom, type Random } from '../../src/services/kit/random.ts'
import { addressIn, encodeQuery, TYPE_A } from '../support/dns-bytes.ts'
import { startDns, type RunningDns } from '../support/dns-server.ts'
import { emptyFolder } from '../support/hamlet.ts'
import { askBytesByUdp } from '../support/udp.ts'

const KILLS = 200
/** Data folders used in parallel, so that one server starts while another works. */
const FOLDERS = 4
const WRITERS = 24
const ACKNOWLEDGED_A_LIFE_MAX = 300
const SEED = 5

const writers: Writer[] = []
const running = new Set<RunningDns>()
afterEach(async () => {
  for (const writer of writers.splice(0)) writer.close()
  for (const { dns } of running) await dns.stop('SIGKILL')
})

/** Registers one name again and again, each time with another address, and unregisters it now and then. One line is in flight at a time. */
class Writer {
  /** The number of the latest line, and of the latest acknowledged one; 0 for none. */
  sent = 0
  acknowledged = 0
  readonly name: string
  readonly #socket: Socket
  #adminPort = 0
  readonly #onAcknowledged: () => void

  constructor(name: string, onAcknowledged: () => void) {
    this.name = name
    this.#onAcknowledged = onAcknowledged
    this.#socket = createSocket('udp4')
    this.#socket.on('message', reply => this.#take(reply.toString()))
    this.#socket.on('error', () => undefined) // The server is currently dead.
    writers.push(this)
  }

  /** Continues with the next line at a restarted server. The outcome of the previous line is unknown until the server answers a query. */
  resume(adminPort: number): void {
    this.#adminPort = adminPort
    this.#next()
  }

  close(): void {
    this.#socket.close()
  }

  /** The name's address after line `n`; undefined if it is unregistered. */
  addressAfter(n: number): string | undefined {
    return n === 0 || n % 8 === 0 ? undefined : `10.${n >> 16}.${n >> 8 & 0xff}.${n & 0xff}`
  }

  #next(): void {
    this.sent++
    const address = this.addressAfter(this.sent)
    const line = address === undefined ? `UNREGISTER ${this.name}` : `REGISTER ${this.name} ${address}`
    this.#socket.send(line, this.#adminPort, '127.0.0.1', () => undefined)
  }

  #take(reply: string): void {
    const address = this.addressAfter(this.sent)
    // Any other text replies to a line from an earlier life, which no longer matters.
    if (!reply.startsWith(address === undefined ? `OK ${this.name} unregistered` : `OK ${this.name} A ${address}`)) return
    this.acknowledged = this.sent
    this.#onAcknowledged()
    this.#next()
  }
}

/** Every name must have the address of its last acknowledged line, or of the one unacknowledged line after that. */
async function expectNothingLost(port: number, owners: readonly Writer[]): Promise<void> {
  for (const writer of owners) {
    const found = addressIn(await askBytesByUdp(port, encodeQuery(1, writer.name, TYPE_A)))
    expect([writer.addressAfter(writer.acknowledged), writer.addressAfter(writer.sent)], `${writer.name}: line ${writer.acknowledged} acknowledged, ${writer.sent} sent`).toContain(found)
    // It has been served, so it must stay.
    if (found === writer.addressAfter(writer.sent)) writer.acknowledged = writer.sent
  }
}

/** Starts a server, checks it, lets the writers work, and kills it, over and over. @returns how many lines were acknowledged */
async function killOverAndOver(kills: number, random: Random): Promise<number> {
  const folder = emptyFolder()
  let acknowledged = 0
  let onAcknowledged = () => {}
  const owners = Array.from({ length: WRITERS }, (_, index) => new Writer(`w${index}.home`, () => {
    acknowledged++
    onAcknowledged()
  }))
  for (let kill = 0; kill < kills; kill++) {
    const server = await startDns(folder)
    running.add(server)
    await expectNothingLost(server.port, owners)
    const moment = kill % 10 === 9 ? theFolderChanges(folder) : new Promise<void>(resolve => {
      const enough = acknowledged + below(random, ACKNOWLEDGED_A_LIFE_MAX)
      onAcknowledged = () => { if (acknowledged > enough) resolve() }
    })
    for (const writer of owners) writer.resume(server.adminPort)
    await moment
    await server.dns.stop('SIGKILL')
    running.delete(server)
  }
  const last = await startDns(folder)
  running.add(last)
  await expectNothingLost(last.port, owners)
  return acknowledged
}

/** Resolves when dns.zone or the journal is being rewritten: the moment when most can go wrong. */
function theFolderChanges(folder: string): Promise<void> {
  return new Promise(resolve => {
    const watcher = watch(folder, (_event, file) => {
      if (file?.endsWith('.new') !== true) return
      watcher.close()
      resolve()
    })
  })
}

test(`${KILLS} kill -9 under load lose no acknowledged registration`, async () => {
  const acknowledged = await Promise.all(Array.from({ length: FOLDERS }, (_, index) => killOverAndOver(KILLS / FOLDERS, seededRandom(SEED + index))))
  expect(Math.min(...acknowledged)).toBeGreaterThan(KILLS / FOLDERS * 10)
})
