/**
 * Measures what a link does to datagrams, without any transport: one end sends a number of them, numbered and stamped with the machine's
 * monotonic clock; the other counts and prints what it saw as JSON.
 *
 *     node prober.mjs receive ADDRESS PORT                                   until nothing has arrived for a while
 *     node prober.mjs send ADDRESS PORT COUNT BYTES EVERY_MS
 */
import { createSocket } from 'node:dgram'
import { percentile } from './statistics.mjs'

const BEGINS_WITHIN_MS = 4000
const SILENT_AFTER_MS = 1000
const [role, address, port, count, bytes, everyMs] = process.argv.slice(2)
const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
if (role === 'receive') receive()
else send(Number(count), Number(bytes), Number(everyMs))

function receive() {
  const came = []
  socket.on('message', datagram => {
    const nowNs = process.hrtime.bigint()
    const tookMs = Number(nowNs - datagram.readBigUInt64BE(4)) / 1e6
    came.push({ number: datagram.readUInt32BE(0), tookMs, atMs: Number(nowNs) / 1e6, bytes: datagram.length, isWhole: datagram.subarray(12).every(byte => byte === 0) })
    clearTimeout(timer)
    timer = setTimeout(finish, SILENT_AFTER_MS)
  })
  const finish = () => {
    process.stdout.write(`${JSON.stringify(came.length === 0 ? { distinct: 0 } : summarize(came))}\n`)
    process.exit()
  }
  let timer = setTimeout(finish, BEGINS_WITHIN_MS)
  socket.bind(Number(port), address, () => process.stderr.write('ready\n'))
}

function summarize(came) {
  const distinct = new Set(came.map(({ number }) => number))
  const times = came.map(({ tookMs }) => tookMs)
  const late = came.filter(({ number }, index) => index > 0 && number < came[index - 1].number)
  const tookMs = came.at(-1).atMs - came[0].atMs
  return {
    distinct: distinct.size, twice: came.length - distinct.size, corrupted: came.filter(({ isWhole }) => !isWhole).length, reordered: late.length,
    delayMs: percentile(times, 0.5), p90Ms: percentile(times, 0.9), shortestMs: Math.min(...times), bitsPerSecond: (came.length - 1) * (came[0].bytes + 28) * 8 / tookMs * 1000,
  }
}

/** Sends on a fixed schedule, each time as many as are due. */
function send(count, bytes, everyMs) {
  const startedAtMs = performance.now()
  let sent = 0
  let gone = 0
  const timer = setInterval(() => {
    for (; sent < count && sent * everyMs <= performance.now() - startedAtMs; sent++) {
      const datagram = Buffer.alloc(bytes)
      datagram.writeUInt32BE(sent, 0)
      datagram.writeBigUInt64BE(process.hrtime.bigint(), 4)
      socket.send(datagram, Number(port), address, () => { if (++gone === count) socket.close() })
    }
    if (sent === count) clearInterval(timer)
  }, 1)
}
