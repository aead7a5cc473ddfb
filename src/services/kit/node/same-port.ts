/** Opens several sockets, UDP and TCP, on the same port number. */
import { createServer } from 'node:net'
import { HamletError } from '../errors.ts'
import { bindError } from './bind-error.ts'

const ATTEMPTS_MAX = 20

/**
 * @param port a port, or 0 to try free ones until one suits all sockets
 * @param open opens all sockets on that port, or throws and leaves none open
 */
export async function onSamePort<T>(port: number, address: string, open: (port: number) => Promise<T>): Promise<T> {
  if (port !== 0) return open(port)
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(await freePort(address))
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || !(error instanceof HamletError && error.code === 'port-taken')) throw error
    }
  }
}

function freePort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', error => reject(bindError(error, 'tcp', { address, port: 0 })))
    server.listen(0, address, () => {
      const bound = server.address()
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : 0))
    })
  })
}
