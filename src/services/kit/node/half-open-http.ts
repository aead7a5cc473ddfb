/** node:http's server for connections that others accept, and whose peers may end their half before they have read the answer. */
import { createServer, type Server, type ServerOptions } from 'node:http'

/** Only where it is told so does node:http answer who has sent an end behind the request; it has no option and no type for that. */
export function createHalfOpenServer(options: ServerOptions): Server {
  return Object.assign(createServer(options), { httpAllowHalfOpen: true })
}
