/**
 * The cost of rate limiting, answer log and trace: answers from the packet cache through the whole receive path, compared with
 * the packet cache alone, in one process and in turns.
 *
 *     npx node bench/dns/reporting.mjs [--cost NS]
 *
 * NS is the total cost of an answer, kernel included, as `npm run bench:dns` measures it (CPU-s/M × 1,000); the result is a
 * percentage of that.
 */
import { parseArgs } from 'node:util'
import { AnswerLog } from '../../src/services/dns/answer-log.ts'
import { Cache } from '../../src/services/dns/core/answering/cache.ts'
import { ClientLimit } from '../../src/services/dns/core/answering/client-limit.ts'
import { DnsServer } from '../../src/services/dns/core/answering/server.ts'
import { queryFor } from '../../src/services/dns/core/forwarding/query.ts'
import { createRoutes } from '../../src/services/dns/core/forwarding/routes.ts'
import { Zone } from '../../src/services/dns/core/zone/zone.ts'
import { DatagramClients } from '../../src/services/dns/datagram-clients.ts'
import { encodeMessage } from '../../src/services/dns/wire/message.ts'
import { CLASS, TYPE } from '../../src/services/dns/wire/types.ts'
import { seededRandom } from '../../src/services/kit/random.ts'
import { TraceBudget } from '../../src/services/kit/trace-budget.ts'
import { TraceRing } from '../../src/services/kit/trace.ts'

const NAMES = 1000
const BATCH = 64
const REPLY_BYTES = 1232
const ROUNDS = 7
const BATCHES = 20_000

const { values } = parseArgs({ options: { cost: { type: 'string', default: '3500' } } })
const clock = { nowMs: () => performance.timeOrigin + performance.now(), wakeAt: () => () => undefined }
const path = { local: { address: '127.0.0.1', port: 53 }, interfaceName: '', peer: { address: '127.0.0.1', port: 40_000 } }
const random = seededRandom(1)

const machine = new DnsServer(new Zone(), new Cache(), { routes: createRoutes([], []), random })
const queries = Array.from({ length: NAMES }, (_, index) => {
  const name = `host-${index}.home`
  machine.zone.apply({ change: 'register', name, type: 'A', rdata: `10.0.${index >> 8}.${index & 255}`, replace: false })
  return encodeMessage({ ...queryFor({ name, type: TYPE.A, class: CLASS.IN }, index), additionals: [] })
})
for (const query of queries) machine.receive(query, path, 0)
machine.outbox.length = 0

const slab = new Uint8Array(BATCH * 512)
const batch = {
  count: BATCH, slab, offsets: Uint32Array.from({ length: BATCH }, (_, index) => index * 512), lengths: new Uint32Array(BATCH),
  replies: new Uint8Array(BATCH * REPLY_BYTES), replyLengths: new Uint32Array(BATCH), path: () => path, peerHash: () => 4711,
}
function fill(from) {
  for (let index = 0; index < BATCH; index++) {
    const query = queries[(from * BATCH + index) % NAMES]
    slab.set(query, index * 512)
    batch.lengths[index] = query.length
  }
  batch.replyLengths.fill(0)
}

function bare() {
  const nowMs = clock.nowMs()
  for (let index = 0; index < BATCH; index++) {
    batch.replyLengths[index] = machine.answerAtOnce(slab, batch.offsets[index], batch.lengths[index], batch.replies, index * REPLY_BYTES, REPLY_BYTES, nowMs)
  }
}

const trace = new TraceRing()
const answerLog = new AnswerLog({ clock, trace, emit: () => undefined })
const clients = new DatagramClients({ machine, answerLog, clock, limit: new ClientLimit(1000, random), isOwnAddress: () => true, drain: () => undefined })
const budget = new TraceBudget()
/** Traces around each batch as udp/traced-door.ts does. */
function reported() {
  const nowMs = clock.nowMs()
  const traced = budget.take(BATCH, nowMs)
  for (let index = 0; index < traced; index++) trace.packet('in', 'dns', path, slab.subarray(batch.offsets[index], batch.offsets[index] + batch.lengths[index]), nowMs)
  clients.receive(batch)
  for (let index = 0; index < traced; index++) trace.packet('out', 'dns', path, batch.replies.subarray(index * REPLY_BYTES, index * REPLY_BYTES + batch.replyLengths[index]), nowMs)
}

/** CPU nanoseconds per answer. */
function measure(run) {
  let microseconds = 0
  for (let round = 0; round < BATCHES; round++) {
    fill(round)
    const before = process.cpuUsage()
    run()
    const { user, system } = process.cpuUsage(before)
    microseconds += user + system
  }
  return microseconds / BATCHES / BATCH * 1000
}

const median = numbers => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]
const results = { bare: [], reported: [] }
for (let round = 0; round < ROUNDS; round++) {
  results.bare.push(measure(bare))
  results.reported.push(measure(reported))
}
if (batch.replyLengths.some(length => length === 0)) throw new Error('a query was not answered')
const [plain, all] = [median(results.bare), median(results.reported)]
console.log(`packet cache alone ${plain.toFixed(0)} ns, with rate limit, log and trace ${all.toFixed(0)} ns: ${((all - plain) / Number(values.cost) * 100).toFixed(1)} % of the ${values.cost} ns total per answer (limit: 5 %)`)
