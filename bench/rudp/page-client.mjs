/**
 * Pages over RUDP, from a process that is warm, as Hamlet's gateway is: each on a new connection, by the dialer and node:http that the
 * gateway uses, and as there the request is written while it is dialled. Prints their times in ms as JSON, from the dial to the last byte;
 * null: not within 20 s.
 *
 *     node page-client.mjs ADDRESS PORT PATH COUNT new      each of a server that was never visited, by its name
 *     node page-client.mjs ADDRESS PORT PATH COUNT again    the token of the visit before is shown
 */
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/services/kit/node/clock.ts'
import { secureRandom } from '../../src/services/kit/node/random.ts'
import { TraceRing } from '../../src/services/kit/trace.ts'
import { RudpDialer } from '../../src/services/rudp/dialer.ts'

const PAGE_MS_MAX = 20_000
/** A connection is closed so long after its page; its token stays, and for as long again the socket, as in a gateway that is in use. */
const KEEP_MS = 100
const AGAIN_AFTER_MS = 200

const [address, port, path, count, visit] = process.argv.slice(2)
const peer = { address, port: Number(port) }
const dialer = new RudpDialer({ clock: systemClock, random: secureRandom(), trace: new TraceRing(), keepMs: KEEP_MS })
const times = []
for (let index = 0; index < Number(count); index++) {
  times.push(await Promise.race([load(visit === 'again' ? 'server' : `server ${index}`), sleep(PAGE_MS_MAX, null)]))
  if (visit === 'again') await sleep(AGAIN_AFTER_MS)
}
process.stdout.write(`${JSON.stringify(times)}\n`)
process.exit()

/** @returns how long it took; null where it did not come whole */
async function load(name) {
  const startedAtMs = performance.now()
  try {
    await read(name)
    return performance.now() - startedAtMs
  } catch (error) {
    process.stderr.write(`${error.message}\n`)
    return null
  }
}

function read(name) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: address, path: `/${path}`, headers: { connection: 'close' }, createConnection: (_server, connected) => void dial(name).then(socket => connected(null, socket), connected) })
    asked.once('error', reject)
    asked.once('response', response => response.once('error', reject).once('end', resolve).resume())
    asked.end()
  })
}

async function dial(name) {
  const socket = await dialer.connect(peer, { early: true, name })
  if (socket.metrics().received > 0) throw new Error('the connection of the page before was still open')
  return socket
}
