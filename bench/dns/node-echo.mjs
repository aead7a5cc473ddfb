/**
 * The cost of a DNS answer over node:dgram without any lookup: `node node-echo.mjs PORT` appends one A record to each query, as
 * echo.c does, and sends it back. Its `lookup` bypasses the resolver for addresses, as Hamlet's own door does.
 */
import { createSocket } from 'node:dgram'

/** Owner at offset 12; A, IN, TTL 60, four octets: 198.51.100.80. */
const A_RECORD = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 80])
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024

const socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES, lookup: (host, _options, found) => found(null, host, 4) })
socket.on('message', (query, sender) => {
  const answer = Buffer.allocUnsafe(query.length + A_RECORD.length)
  answer.set(query)
  answer.set(A_RECORD, query.length)
  answer[2] = 0x85
  answer[3] = 0x80
  answer[7] = 1
  socket.send(answer, sender.port, sender.address, () => undefined)
})
socket.bind(Number(process.argv[2]), '127.0.0.1')
