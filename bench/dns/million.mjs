/**
 * A million names: the time Hamlet and Knot take from start to the first correct answer, and their memory afterwards.
 *
 *     node scripts/build.mjs cli && node bench/dns/million.mjs [--names 1000000] [--rounds 3]
 *
 * Both load the same zone file and take turns. Time is measured from the start of the process to the answer for the last name in
 * the file, as wall-clock time and as CPU time of the process, which other load on the machine affects less. Memory is VmRSS two
 * seconds later, and VmHWM, its peak.
 */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'

const PORT = 5399
const ASK_EVERY_MS = 10
const ANSWER_WITHIN_MS = 120_000
const SETTLE_MS = 2000
const TICKS_PER_SECOND = 100

const { values } = parseArgs({ options: { names: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '3' } } })
const names = Number(values.names)
const folder = await mkdtemp(join(tmpdir(), 'hamlet-million-'))
const zoneFile = join(folder, 'home.zone')

const addressOf = index => [10, (index >> 16) & 255, (index >> 8) & 255, index & 255]
const nameOf = index => `host${String(index).padStart(7, '0')}`

async function writeZone() {
  const stream = createWriteStream(zoneFile)
  stream.write('$ORIGIN home.\n$TTL 10\n@ IN SOA localhost. hostmaster 1 3600 600 1209600 5\n@ IN NS localhost.\n')
  for (let index = 0; index < names; index++) {
    if (!stream.write(`${nameOf(index)} IN A ${addressOf(index).join('.')}\n`)) await once(stream, 'drain')
  }
  stream.end()
  await once(stream, 'finish')
}

async function knot(round) {
  const storage = join(folder, `knot-${round}`)
  await mkdir(storage)
  const config = join(storage, 'knot.conf')
  await writeFile(config, `server:\n  listen: 127.0.0.1@${PORT}\n  rundir: ${storage}\ndatabase:\n  storage: ${storage}\nzone:\n  - domain: home\n    file: ${zoneFile}\n    storage: ${storage}\n    zonefile-sync: -1\n    journal-content: none\n`)
  return ['knotd', '-c', config]
}

async function hamlet(round) {
  const data = join(folder, `hamlet-${round}`)
  await mkdir(data)
  await copyFile(zoneFile, join(data, 'dns.zone'))
  return [process.execPath, join(import.meta.dirname, '..', '..', '.vite', 'build', 'hamlet.cjs'), 'dns', '--host', '127.0.0.1', '--port', String(PORT), '--admin_port', '0', '--data', data]
}

/** The query for the last name, and the check for its correct answer. */
const name = nameOf(names - 1)
const question = Buffer.concat([Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.length]), Buffer.from(name), Buffer.from('\x04home\0\0\x01\0\x01', 'latin1')])
const isRight = answer => answer.readUInt16BE(0) === 0x1234 && (answer[3] & 15) === 0 && answer.readUInt16BE(6) === 1 && answer.subarray(-4).equals(Buffer.from(addressOf(names - 1)))

async function firstAnswerMs(startedAtMs) {
  const socket = createSocket('udp4')
  socket.on('error', () => undefined) // Nothing listens yet.
  const timer = setInterval(() => socket.send(question, PORT, '127.0.0.1', () => undefined), ASK_EVERY_MS)
  try {
    for (;;) {
      const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
      if (isRight(answer)) return performance.now() - startedAtMs
    }
  } finally {
    clearInterval(timer)
    socket.close()
  }
}

async function costs(pid) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const field = key => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)[1]) / 1024
  const times = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1].split(' ')
  return { rss: field('VmRSS'), peak: field('VmHWM'), cpuMs: (Number(times[11]) + Number(times[12])) * 1000 / TICKS_PER_SECOND }
}

async function measure([file, ...args]) {
  const startedAtMs = performance.now()
  const child = spawn(file, args, { stdio: 'ignore' })
  const ended = once(child, 'exit')
  try {
    const answerMs = await firstAnswerMs(startedAtMs)
    await wait(SETTLE_MS)
    return { answerMs, ...await costs(child.pid) }
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}

const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]
const results = { knot: [], hamlet: [] }
try {
  await writeZone()
  for (let round = 0; round < Number(values.rounds); round++) {
    results.knot.push(await measure(await knot(round)))
    results.hamlet.push(await measure(await hamlet(round)))
  }
} finally {
  await rm(folder, { recursive: true })
}
console.log(`${names} names, ${values.rounds} rounds in turns, median\n`)
console.log('                      Knot    Hamlet   ratio   goal')
for (const [title, key, unit] of [['first answer', 'answerMs', 'ms'], ['CPU until then', 'cpuMs', 'ms'], ['memory', 'rss', 'MiB'], ['peak memory', 'peak', 'MiB']]) {
  const [theirs, ours] = [results.knot, results.hamlet].map(runs => median(runs.map(run => run[key])))
  console.log(`${`${title}, ${unit}`.padEnd(18)}${theirs.toFixed(0).padStart(8)}${ours.toFixed(0).padStart(10)}${(ours / theirs).toFixed(2).padStart(8)}   ${ours <= theirs * 3 ? 'met' : 'not met'} (at most 3)`)
}
