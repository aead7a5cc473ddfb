/** An echo server over a door, which answers each datagram in place: `node bench/udp/echo-server.ts batch|dgram [path]`. Prints its port; `path` also requests every path. */
import { REPLY_BYTES_MAX, type Io } from '../../src/services/kit/node/udp/door.ts'
import { openDoor } from '../../src/services/kit/node/udp/open-door.ts'

const io: Io = process.argv[2] === 'batch' ? 'batch' : 'dgram'
const asksPaths = process.argv[3] === 'path'

const door = await openDoor({
  addresses: ['127.0.0.1'], port: 0, io,
  receive(batch) {
    for (let index = 0; index < batch.count; index++) {
      if (asksPaths) batch.path(index)
      const offset = batch.offsets[index] ?? 0
      const length = batch.lengths[index] ?? 0
      const to = index * REPLY_BYTES_MAX
      for (let at = 0; at < length; at++) batch.replies[to + at] = batch.slab[offset + at] ?? 0
      batch.replyLengths[index] = length
    }
  },
})
process.stdout.write(`${door.locals[0]?.port ?? 0}\n`)
