/** One port number for several sockets, UDP and TCP. */
import { createServer } from 'node:net'
import { HamletError } from '../errors.ts'
import { bindError } from './bind-error.ts'

const ATTEMPTS_MAX = 20

/**
 * Opens what needs the same port more than once. A given port is taken as it is; for 0 free candidates are tried.
 * @param open opens all sockets on that port, or none and throws
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
