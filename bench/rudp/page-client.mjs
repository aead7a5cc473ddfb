/**
 * Loads pages over RUDP from a warm process, like Hamlet's gateway: each on a new connection, with the dialer and node:http that the
 * gateway uses and, as there, with the request written while the connection opens. Prints the times from connecting to the last byte,
 * in ms, as JSON; null: not within 20 s.
 *
 *     node page-client.mjs ADDRESS PORT PATH COUNT new      each page from a server name that was never visited
 *     node page-client.mjs ADDRESS PORT PATH COUNT again    presents the token of the previous visit
 */
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../src/services/kit/node/clock.ts'
import { secureRandom } from '../../src/services/kit/node/random.ts'
import { TraceRing } from '../../src/services/kit/trace.ts'
import { RudpDialer } from '../../src/services/rudp/dialer.ts'

const PAGE_MS_MAX = 20_000
/** A connection closes this long after its page. Its token is kept, and the socket for as long again, as in a gateway in use. */
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

/** @returns the time in ms; null if the page did not arrive completely */
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
  if (socket.metrics().received > 0) throw new Error('the connection of the previous page was still open')
  return socket
}
