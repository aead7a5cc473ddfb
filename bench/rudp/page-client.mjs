/**
 * Pages over RUDP, from a process that is warm, as Hamlet's gateway is: each on a new connection, by the dialer and node:http that the
 * gateway uses. Prints their times in ms as JSON, from the dial to the last byte; null: not within 20 s.
 *
 *     node page-client.mjs ADDRESS PORT PATH COUNT new      nothing is remembered of the visit before
 *     node page-client.mjs ADDRESS PORT PATH COUNT again    the token of the visit before is shown
 */
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/services/kit/node/clock.ts'
import { secureRandom } from '../../src/services/kit/node/random.ts'
import { TraceRing } from '../../src/services/kit/trace.ts'
import { RudpDialer } from '../../src/services/rudp/dialer.ts'

const PAGE_MS_MAX = 20_000
/** By then the connection of the visit before is closed; its token stays. */
const AGAIN_AFTER_MS = 500

const [address, port, path, count, visit] = process.argv.slice(2)
const peer = { address, port: Number(port) }
/** A connection is closed with its last stream. */
const newDialer = () => new RudpDialer({ clock: systemClock, random: secureRandom(), trace: new TraceRing(), keepMs: 0 })
const times = []
let portBefore = 0
let dialer = newDialer()
for (let index = 0; index < Number(count); index++) {
  times.push(await Promise.race([load(dialer), sleep(PAGE_MS_MAX, null)]))
  if (visit === 'again') {
    await sleep(AGAIN_AFTER_MS)
  } else {
    await dialer.close()
    dialer = newDialer()
  }
}
process.stdout.write(`${JSON.stringify(times)}\n`)
process.exit()

/** @returns how long it took; null where it did not come whole */
async function load(dialer) {
  const startedAtMs = performance.now()
  try {
    const socket = await dialer.dial(peer, { early: true })
    await read(socket)
    if (socket.localPort === portBefore) throw new Error('the connection of the visit before was still open')
    portBefore = socket.localPort
    return performance.now() - startedAtMs
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    return null
  }
}

function read(socket) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: address, path: `/${path}`, headers: { connection: 'close' }, createConnection: () => socket })
    asked.once('error', reject)
    asked.once('response', response => response.once('error', reject).once('end', resolve).resume())
    asked.end()
  })
}
