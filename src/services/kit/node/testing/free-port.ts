/**
 * A port that is free and stays free until the test uses it. Tests run in parallel, and the system may give a port that it chose, and that
 * was closed, to the next program. So these ports are below the range that systems choose from (32768 on Linux, 49152 elsewhere), and each
 * test worker has its own.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { openDoor } from '../udp/open-door.ts'

/** The address that tests listen on. */
const ADDRESS = '127.0.0.1'
const FIRST = 20_000
const PORTS_PER_WORKER = 500
const WORKERS_MAX = 25
let taken = 0

/** A port of 127.0.0.1 that is free for UDP and for TCP, different on each call. */
export async function freePort(): Promise<number> {
  const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % WORKERS_MAX
  while (taken < PORTS_PER_WORKER) {
    const port = FIRST + worker * PORTS_PER_WORKER + taken++
    if (await isFree(port)) return port
  }
  throw new Error(`worker ${worker} has used up its ${PORTS_PER_WORKER} ports`)
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
