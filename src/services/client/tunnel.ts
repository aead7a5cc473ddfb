/** CONNECT: relays bytes between the browser and a server, for ws:// to our own names and https:// to the public internet. */
import { pipeline, type Duplex } from 'node:stream'
import { judgeConnect } from './core/connect-policy.ts'
import { formatAuthority } from './core/target.ts'
import type { Gateway } from './forward.ts'
import { ProxyRefusal } from './proxy.ts'
import { findOriginServer } from './origin-server.ts'

/**
 * Opens one tunnel, always over TCP, and answers on the stream.
 * @param domains names under these are our own
 * @throws ProxyRefusal 403 if the policy forbids it; HamletError if the name cannot be resolved or the server cannot be
 * reached
 */
export async function tunnel(
  { connections, resolve, random }: Pick<Gateway, 'connections' | 'resolve' | 'random'>, domains: readonly string[], { host, port }: { readonly host: string; readonly port: number }, stream: Duplex, head: Buffer,
): Promise<void> {
  // For a ws:// URL without a port, browsers send port 80, so here 80 means: the port in the SRV record.
  const { candidates } = await findOriginServer({ host, port: port === 80 ? undefined : port }, 'tcp', resolve, random)
  const verdict = judgeConnect({ host, port, addresses: candidates.map(({ address }) => address), domains })
  if (!verdict.allowed) {
    throw new ProxyRefusal(403, { code: 'refused', what: `No tunnel to ${formatAuthority({ host, port })}`, why: verdict.why, remedy: 'open the page over http://, or use a browser without this proxy' })
  }
  const server = await connections.dial(candidates)
  if (stream.destroyed) return void server.destroy()
  stream.write('HTTP/1.1 200 Connection established\r\n\r\n')
  if (head.length > 0) server.write(head)
  // Either side may end its half first; if one fails, the other is closed, too.
  const ended = (error: NodeJS.ErrnoException | null): void => {
    if (error === null || error === undefined) return
    stream.destroy()
    server.destroy()
  }
  pipeline(stream, server, ended)
  pipeline(server, stream, ended)
}
