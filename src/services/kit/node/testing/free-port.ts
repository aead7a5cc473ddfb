/**
 * A port that nothing has, and that nothing gets by chance. A port that the system chose and that was given back may
 * be its choice for the next program: tests run side by side. So these lie below the range that systems choose from
 * (32768 on Linux, 49152 elsewhere), and each worker of the tests has its own of them.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { openDoor } from '../udp/open-door.ts'

/** Where tests listen. */
const ADDRESS = '127.0.0.1'
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
  try {
    const door = await openDoor({ addresses: [ADDRESS], port, receive: () => undefined })
    await door.close()
    const server = createServer().listen(port, ADDRESS)
    await once(server, 'listening')
    await new Promise<void>(resolve => server.close(() => resolve()))
    return true
  } catch {
    return false
  }
}
