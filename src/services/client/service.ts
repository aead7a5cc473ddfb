/**
 * The gateway through which the mini browser, any other browser or curl reaches the village. It combines four clients,
 * DHCP, DNS, TCP and RUDP, behind an HTTP proxy on 127.0.0.1.
 *
 *     browser ──http──▶ proxy ─ name? ─▶ resolver ──▶ DNS server        network-config.ts, origin-server.ts
 *                         └──── request ─▶ connections ──TCP|RUDP──▶ application server
 */
import { hostname } from 'node:os'
import { storedMac } from '../dhcp/client.ts'
import { formatBytes, formatMs } from '../kit/amounts.ts'
import { parseEndpoint } from '../kit/endpoint.ts'
import { formatLink } from '../kit/link-text.ts'
import type { Clock } from '../kit/node/clock.ts'
import { collectLessOften } from '../kit/node/garbage-collection.ts'
import { implement, type ServiceContext } from '../kit/node/service.ts'
import { SleepClock } from '../kit/node/sleep-clock.ts'
import { KnownServers } from '../rudp/known-servers.ts'
import { Lab } from '../rudp/lab.ts'
import { Connections } from './connections.ts'
import { client, TRANSPORT_HEADER, type LearnedLease } from './contract.ts'
import { DEFAULT_PORT } from './core/service-record.ts'
import { drawPassword, type Credentials } from './credentials.ts'
import { DHCP_PORT, dhcpEndpoint, DNS_PORT, namedDnsServer } from './dns-server.ts'
import { forward, type Forwarded, type Gateway } from './forward.ts'
import { LabLoads } from './lab-loads.ts'
import { NetworkConfig } from './network-config.ts'
import { probeAppServer, probeDhcp, probeDns, probeProxy, timed, type Prober } from './probe.ts'
import { openProxy } from './proxy.ts'
import { tunnel } from './tunnel.ts'

type Context = ServiceContext<typeof client>

const ROWS_MAX = 200
const URL_LENGTH_MAX = 500

export const clientService = implement(client, async context => {
  collectLessOften()
  const { settings, secrets, random, trace } = context
  // Leases, cached names and connections expire also while the machine sleeps. All, and the trace, use one clock,
  // because times are compared.
  const clock = new SleepClock({ clock: context.clock })
  const environment = { clock, random, trace }
  const named = namedDnsServer(settings.dns)
  const dhcp = dhcpEndpoint(settings.dhcp)
  const identity = { mac: await storedMac(context.dataFolder, random), hostName: hostname() }
  const credentials: Credentials = { user: secrets.proxy_user ?? 'hamlet', password: secrets.proxy_password ?? drawPassword(random) }
  const probeToken = drawPassword(random)

  const lab = new Lab({ clock, link: settings.link })
  if (!lab.conditioner.areOff) context.log(`RUDP uses a simulated link with ${formatLink(lab.conditioner.setting)}`)
  const encryption = settings.encrypt ? new KnownServers(context.dataFolder, text => context.log(text)) : undefined
  const connections = new Connections(environment, { encryption, lab })
  const network = new NetworkConfig({
    ...environment, ...identity, named, dhcp,
    log: text => context.log(text),
    leased: lease => context.emit('leased', learned(lease)),
  })
  const loads = new LabLoads({ ...environment, lab, encryption, resolve: network.resolve, loaded: event => context.emit('loaded', event) })
  const gateway: Gateway = {
    ...environment, connections, resolve: network.resolve, forgetNames: () => network.forgetNames(), addressStep: () => network.addressStep(), probeToken, done: recorder(context, clock),
  }
  const proxy = await openProxy({
    port: settings.proxy_port, credentials, clock,
    forward: (target, incoming, outgoing) => forward(gateway, target, incoming, outgoing),
    tunnel: (authority, stream, head) => tunnel(gateway, network.domains, authority, stream, head),
  }).catch(async (error: unknown) => {
    await network.stop()
    clock.stop()
    throw error
  })
  if (secrets.proxy_password === undefined) context.printContractLine(`proxy: http://${credentials.user}:${credentials.password}@127.0.0.1:${proxy.port}`)
  const prober: Prober = { ...environment, ...identity, encryption, proxy: { address: '127.0.0.1', port: proxy.port }, credentials, token: probeToken }

  return {
    endpoints: [{ name: 'proxy', transport: 'tcp', address: '127.0.0.1', port: proxy.port }],
    pinned: { proxy_port: proxy.port },
    commands: {
      ...lab.commands,
      async load({ url }) {
        loads.start(url)
        return {}
      },
      stop_loads: async () => ({ stopped: loads.stop() }),
      lease: async ({ renew }) => learned(await network.lease(renew)),
      async resolve({ name, type }) {
        const { rcode, records, sentence, tookMs } = await network.resolve(name, type.toUpperCase())
        return { rcode, sentence, tookMs, records: records.map(({ name: owner, ttl, type: kind, data }) => `${owner} ${ttl} ${kind} ${data}`) }
      },
      probe: ({ service, endpoint, transport, name }) => timed(environment, async () => {
        switch (service) {
          case 'dns': return probeDns(parseEndpoint(endpoint, DNS_PORT), name, environment)
          case 'dhcp': return probeDhcp(parseEndpoint(endpoint, DHCP_PORT), prober)
          case 'app-server': return probeAppServer(parseEndpoint(endpoint, DEFAULT_PORT[transport]), transport, name, prober)
          case 'client': return probeProxy([[TRANSPORT_HEADER, [transport]]], name, prober)
        }
      }),
    },
    async stop() {
      await proxy.close()
      loads.stop()
      await connections.close()
      await network.stop()
      clock.stop()
    },
  }
})

/** Records each request in the table and the trace, and a document load as a journey. Keeps the table at its limit. */
function recorder(context: Context, clock: Clock): (forwarded: Forwarded) => void {
  let count = 0
  return ({ method, url, transport, status, bytes, tookMs, failure, isDocument, isProbe, steps }) => {
    if (isProbe) return
    const id = ++count
    const shown = url.slice(0, URL_LENGTH_MAX)
    context.trace.event('http', { journey: id, method, url: shown, transport, status, bytes, tookMs, failure }, clock.nowMs())
    context.setRow(String(id), { url: shown, transport, status: failure === undefined ? String(status) : `${status}: ${failure}`, bytes: formatBytes(bytes), took: formatMs(tookMs) })
    if (id > ROWS_MAX) context.setRow(String(id - ROWS_MAX), undefined)
    if (isDocument) context.emit('journey', { id, url: shown, transport, status, bytes, steps: [...steps] })
  }
}

/** A lease with just the fields of the contract. */
function learned({ address, server, dns, dnsPort, dnsAdminPort, domain, leaseSeconds, obtainedAtMs, askedAtMs, tookMs }: LearnedLease): LearnedLease {
  return { address, server, dns, dnsPort, dnsAdminPort, domain, leaseSeconds, obtainedAtMs, askedAtMs, tookMs }
}
