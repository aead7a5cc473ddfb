/**
 * A port that nothing has, and that nothing gets by chance. A port that the system chose and that was given back may
 * be its choice for the next program: tests run side by side. So these lie below the range that systems choose from
 * (32768 on Linux, 49152 elsewhere), and each worker of the tests has its own of them.
 */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const FIRST = 20_000
const PORTS_PER_WORKER = 500
const WORKERS_MAX = 25
let taken = 0

/** A port of 127.0.0.1 that is free by UDP and by TCP, and another at each call. */
export async function freePort(): Promise<number> {
  const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS_MAX
  while (taken < PORTS_PER_WORKER) {
    const port = FIRST + worker * PORTS_PER_WORKER + taken++
    if (await isFree(port)) return port
  }
  throw new Error(`worker ${worker} has no port left of its ${PORTS_PER_WORKER}`)
}

async function isFree(port: number): Promise<boolean> {
  const [socket, server] = [createSocket('udp4'), createServer()]
  const bound = await Promise.all([
    new Promise<boolean>(resolve => socket.once('error', () => resolve(false)).bind(port, '127.0.0.1', () => resolve(true))),
    new Promise<boolean>(resolve => server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))),
  ])
  await new Promise<void>(resolve => socket.close(resolve))
  await new Promise<void>(resolve => server.close(() => resolve()))
  return bound.every(Boolean)
}
