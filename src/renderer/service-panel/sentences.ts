/** A service's state and addresses as text. */
import type { ServiceStatus } from '../../preload/contract.ts'
import { assertNever } from '../../services/kit/errors.ts'
import { formatEndpoint } from '../../services/kit/endpoint.ts'
import { isLoopback } from '../../services/kit/ip-address.ts'
import type { ServiceEndpoint } from '../../services/kit/host-protocol.ts'

/** The state in one sentence. An error is shown separately. */
export function stateSentence({ state, reason, pid }: ServiceStatus): string {
  switch (state) {
    case 'stopped': return 'Off.'
    case 'starting': return 'Starting…'
    case 'running': return pid === undefined ? 'Running.' : `Running as process ${pid}.`
    case 'degraded': return `Running with a problem: ${reason ?? 'no reason was given'}.`
    case 'stopping': return 'Stopping…'
    case 'failed': return 'Not running.'
    default: return assertNever(state)
  }
}

/**
 * A service's address, short enough for a card: `127.0.0.1:80 :8080`. The admin port is left out, a port served over both
 * UDP and TCP appears once, and of several addresses the first that other machines can reach represents the others.
 */
export function addressLine(endpoints: readonly ServiceEndpoint[]): string {
  const serving = endpoints.filter(({ name }) => name !== 'admin')
  const first = serving.find(({ address }) => !isLoopback(address)) ?? serving[0]
  if (first === undefined) return ''
  const ports = new Set(serving.filter(({ address }) => address === first.address).map(({ port }) => port))
  ports.delete(first.port)
  const others = new Set(serving.map(({ address }) => address)).size - 1
  return [formatEndpoint(first), ...[...ports].map(port => `:${port}`), ...(others > 0 ? [`and ${others} more`] : [])].join(' ')
}

export interface EndpointLine {
  readonly key: string
  readonly name: string
  readonly text: string
}

/** One line per endpoint: "DNS  127.0.0.1:53 over UDP and TCP". */
export function endpointLines(endpoints: readonly ServiceEndpoint[]): EndpointLine[] {
  const transportsAt = new Map<string, { name: string; at: string; transports: string[] }>()
  for (const endpoint of endpoints) {
    const at = formatEndpoint(endpoint)
    const key = `${endpoint.name} ${at}`
    const line = transportsAt.get(key) ?? { name: endpoint.name, at, transports: [] }
    line.transports.push(endpoint.transport.toUpperCase())
    transportsAt.set(key, line)
  }
  return [...transportsAt].map(([key, { name, at, transports }]) => {
    const isProtocol = name !== 'admin' && name !== 'proxy'
    return { key, name: isProtocol ? name.toUpperCase() : name.charAt(0).toUpperCase() + name.slice(1), text: `${at} over ${transports.join(' and ')}` }
  })
}
