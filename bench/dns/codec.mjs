/**
 * The cost of decoding and encoding DNS messages: `npx node bench/dns/codec.mjs [seed]` (Node 24, which runs TypeScript).
 *
 * The first part finds the worst of many damaged and hostile packets, in CPU time. On a shared machine any packet can be slow
 * once, so a packet that looks slow is measured again, and its fastest of five runs counts. The second part measures how many
 * messages per second one core decodes and encodes: best and median of nine rounds. Exits with status 1 if a goal is missed.
 */
import { seededRandom } from '../../src/services/kit/random.ts'
import { damaged, HOSTILE, validMessages } from '../../src/services/dns/testing/damage.ts'
import { record } from '../../src/services/dns/testing/records.ts'
import { optRecord } from '../../src/services/dns/wire/edns.ts'
import { decodeMessage, encodeMessage } from '../../src/services/dns/wire/message.ts'
import { MalformedPacket } from '../../src/services/kit/errors.ts'

const seed = Number(process.argv[2] ?? 1035)
const SIZES = [
  { bytesMax: 4096, packets: 60_000, goalMs: 1 },
  { bytesMax: 65_535, packets: 1500, goalMs: 20 },
]
const QUERY_DECODES_GOAL = 3e6
const LOOKS = 5
const ROUNDS = 9
const ROUND_MESSAGES = 100_000

let missed = 0
const judge = isMet => {
  if (!isMet) missed++
  return isMet ? 'met' : 'NOT MET'
}

const cpuMs = work => {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

function read(bytes) {
  try {
    decodeMessage(bytes)
    return true
  } catch (error) {
    if (!(error instanceof MalformedPacket)) throw error
    return false
  }
}

console.log(`Node ${process.version}, seed ${seed}\n\nMalformed packets: CPU time to decode one, fastest of ${LOOKS}`)
const valid = validMessages(seed, 300)
for (let warming = 0; warming < 20; warming++) for (const bytes of [...valid, ...Object.values(HOSTILE).map(make => make(4096))]) read(bytes)
for (const { bytesMax, packets, goalMs } of SIZES) {
  const random = seededRandom(seed)
  const hostile = Object.values(HOSTILE).map(make => make(bytesMax))
  const sources = bytesMax > 4096 ? hostile : [...valid, ...hostile, ...hostile, ...hostile]
  let worst = { ms: 0, bytes: new Uint8Array(0) }
  let readable = 0
  const look = bytes => {
    let isReadable = false
    let ms = cpuMs(() => { isReadable = read(bytes) })
    for (let again = 1; again < LOOKS && ms > worst.ms; again++) ms = Math.min(ms, cpuMs(() => read(bytes)))
    if (ms > worst.ms) worst = { ms, bytes }
    return isReadable
  }
  for (const bytes of hostile) look(bytes)
  for (let packet = 0; packet < packets; packet++) if (look(damaged(sources, random).slice(0, bytesMax))) readable++
  console.log(`  ${packets} of at most ${bytesMax} octets, ${Math.round(100 * readable / packets)} % readable: worst ${worst.ms.toFixed(3)} ms (${worst.bytes.length} octets); goal ${goalMs} ms: ${judge(worst.ms <= goalMs)}`)
}

const header = { id: 4660, qr: false, opcode: 0, aa: false, tc: false, rd: true, ra: false, ad: true, cd: false, rcode: 0 }
const query = { header, questions: [{ name: 'my-app.home', type: 1, class: 1 }], answers: [], authorities: [], additionals: [] }
const withEdns = { ...query, additionals: [optRecord({ rcode: 0, dnssecOk: false, options: [{ code: 10, bytes: new Uint8Array(8) }] })] }
const oneRecord = { ...query, header: { ...header, qr: true, ra: true }, answers: [record('my-app.home', 'A', '192.168.1.50')] }
const fourRecords = {
  ...oneRecord, questions: [{ name: 'www.example.org', type: 1, class: 1 }],
  answers: [record('www.example.org', 'CNAME', 'web.cdn.example.'), ...[1, 2, 3].map(last => record('web.cdn.example', 'A', `192.0.2.${last}`))],
}

const reads = message => {
  const bytes = encodeMessage(message)
  return () => decodeMessage(bytes)
}
const writes = message => () => encodeMessage(message)
const tasks = [
  ['decode a query', reads(query), QUERY_DECODES_GOAL], ['decode a query with EDNS and a cookie', reads(withEdns)], ['decode a response with one record', reads(oneRecord)],
  ['decode a response with four records', reads(fourRecords)], ['encode a query with EDNS', writes(withEdns)], ['encode a response with one record', writes(oneRecord)],
  ['encode a response with four records', writes(fourRecords)],
].map(([title, once, goal]) => ({ title, once, goal, rates: [] }))

for (let round = 0; round <= ROUNDS; round++) {
  for (const { once, rates } of tasks) {
    const ms = cpuMs(() => { for (let done = 0; done < ROUND_MESSAGES; done++) once() })
    if (round > 0) rates.push(ROUND_MESSAGES / ms * 1000) // The first round is a warm-up.
  }
}
console.log('\nMillion messages per CPU second: best / median')
for (const { title, rates, goal } of tasks) {
  const sorted = [...rates].sort((a, b) => b - a)
  const [best, median] = [sorted[0], sorted[(ROUNDS - 1) / 2]]
  console.log(`  ${title.padEnd(38)} ${(best / 1e6).toFixed(2)} / ${(median / 1e6).toFixed(2)}${goal === undefined ? '' : `; goal ${goal / 1e6}: ${judge(best >= goal)}`}`)
}
process.exitCode = missed === 0 ? 0 : 1
