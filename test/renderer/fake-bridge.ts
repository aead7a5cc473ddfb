/**
 * A fake main process for viewing the window in any browser: run `npx vite --config vite.renderer.config.ts` and open
 * /test/renderer/. It implements preload/contract.ts and nothing else; `globalThis.village` controls it from the console.
 */
import type { Ask, Bridge, Channels, Lamp, Pushed, Pushes, Reply, ServiceStatus, Snapshot } from '../../src/preload/contract.ts'
import { SERVICE_IDS, type ServiceId } from '../../src/services/contracts.ts'
import type { ErrorParts } from '../../src/services/kit/errors.ts'
import type { ServiceEndpoint } from '../../src/services/kit/host-protocol.ts'
import { labReply } from './fake-lab.ts'

const START_MS = 700
const at = (name: string, transport: 'udp' | 'tcp', port: number): ServiceEndpoint => ({ name, transport, address: '127.0.0.1', port })
const endpoints: Record<ServiceId, ServiceEndpoint[]> = {
  dns: [at('dns', 'udp', 53), at('dns', 'tcp', 53), at('admin', 'udp', 5354)],
  dhcp: [at('dhcp', 'udp', 6767)],
  'app-server': [at('http', 'tcp', 80), at('rudp', 'udp', 8080)],
  client: [at('proxy', 'tcp', 41873)],
}
const proofs: Record<ServiceId, string> = {
  dns: '127.0.0.1:53 resolved my-app.home in 0.8 ms.', dhcp: 'A DISCOVER was answered with an OFFER of 127.0.0.50 in 2.1 ms.',
  'app-server': 'The start page was returned over TCP with status 200 in 3.4 ms.', client: 'A page was fetched through the proxy in 5.0 ms.',
}
const contractLines: Record<ServiceId, string[]> = {
  dns: ['DNS Server is running on 127.0.0.1:53...', 'Waiting for requests...'], dhcp: ['Server is running on port 6767. Press Ctrl+C to stop.'],
  'app-server': ['[server] listening on 127.0.0.1:80', '[server] RUDP listening on 127.0.0.1:8080'], client: [],
}
const rows: Record<ServiceId, [string, Record<string, string>][]> = {
  dns: [
    ['a', { name: 'my-app.home', type: 'A', data: '127.0.0.1', ttl: '60 s', source: 'registered' }],
    ['b', { name: '_http._tcp.my-app.home', type: 'SRV', data: '0 0 80 my-app.home', ttl: '60 s', source: 'registered' }],
    ['c', { name: '_rudp._udp.my-app.home', type: 'SRV', data: '0 0 8080 my-app.home', ttl: '60 s', source: 'registered' }],
    ['d', { name: 'www.example.org', type: 'A', data: '192.0.2.34', ttl: '284 s', source: 'cache, from 8.8.8.8' }],
  ],
  dhcp: [['a', { address: '127.0.0.50', client: '02:00:5e:10:00:01', host: 'hamlet-client', state: 'bound', until: '14:35:02' }]],
  'app-server': [['a', { peer: '127.0.0.1:50412', transport: 'RUDP', state: 'open', requests: '14', sent: '412 kB' }]],
  client: [['a', { url: 'http://my-app.home/', transport: 'TCP', status: '200', bytes: '5.1 kB', took: '16 ms' }]],
}
export const portTaken: ErrorParts = {
  code: 'port-taken', what: 'DNS could not take port 53', why: 'systemd-resolved (pid 312) holds 127.0.0.1:53', done: 'nothing was changed on this computer',
  remedy: 'choose another port in the settings, such as 5353', proof: 'bind EADDRINUSE 127.0.0.1:53 (udp), owner systemd-resolve pid 312',
}

const lease = {
  address: '127.0.0.50', server: '127.0.0.1', dns: '127.0.0.1', dnsPort: 53, dnsAdminPort: 5354, domain: 'home',
  leaseSeconds: 3600, obtainedAtMs: Date.now(), askedAtMs: Date.now(), tookMs: 12.2,
}

type Listener = (pushed: never) => void
const listeners = new Map<string, Set<Listener>>()
const statuses = new Map<ServiceId, ServiceStatus>(SERVICE_IDS.map(id => [id, { id, state: 'stopped', endpoints: [] }]))
const dark: Lamp = { lit: false, sentence: '', tookMs: 0 }
let mode: 'local' | 'lan' = 'local'
let isPortTaken = false

function push<Channel extends keyof Pushes>(channel: Channel, pushed: Pushed<Channel>): void {
  // `on` adds listeners with their channel's type, so all listeners of a channel have it.
  for (const listener of listeners.get(channel) ?? []) (listener as (pushed: Pushed<Channel>) => void)(pushed)
}

function status(next: ServiceStatus): void {
  statuses.set(next.id, next)
  push('service:status', next)
  if (next.state !== 'running') push('lamp', { id: next.id, lamp: dark })
}

const sleep = (ms: number) => new Promise(resolve => { setTimeout(resolve, ms) })

async function start(id: ServiceId): Promise<{ error?: ErrorParts }> {
  status({ id, state: 'starting', endpoints: [] })
  await sleep(START_MS)
  if (id === 'dns' && isPortTaken) {
    status({ id, state: 'failed', endpoints: [], error: portTaken })
    return { error: portTaken }
  }
  status({ id, state: 'running', endpoints: endpoints[id], pid: 4120 + SERVICE_IDS.indexOf(id) })
  for (const text of contractLines[id]) push('service:line', { id, line: { to: 'contract', text } })
  push('service:rows', { id, changes: rows[id] })
  push('service:line', { id, line: { to: 'log', text: 'ready: settings read, data folder locked' } })
  push('lamp', { id, lamp: { lit: true, sentence: proofs[id], tookMs: 1 } })
  if (id === 'client') push('service:event', { id, name: 'leased', data: lease })
  return {}
}

function stop(id: ServiceId): void {
  status({ id, state: 'stopped', endpoints: [] })
}

const handshake = { tcp: 'Three-way handshake on port 80.', rudp: 'Handshake on UDP port 8080, window 10 packets.' }

function journey(transport: 'tcp' | 'rudp', failed = false): void {
  const timed = (tookMs: number) => ({ tookMs, fromMs: 0, toMs: tookMs })
  const steps = [
    { step: 'address' as const, ...timed(12.2), sentence: 'Got 127.0.0.50 from 127.0.0.1 for 1 h.', failed: false },
    { step: 'name' as const, ...timed(3.1), sentence: 'my-app.home is 127.0.0.1, registered at this DNS server.', failed: false },
    { step: 'connect' as const, ...timed(1.4), sentence: failed ? '127.0.0.1:80 refused the connection.' : handshake[transport], failed },
    { step: 'page' as const, ...timed(48), sentence: '200 OK, 412 kB; 2 packets were lost and retransmitted.', failed: false },
  ]
  const data = { id: 1, url: 'http://my-app.home/', transport, status: 200, bytes: 412_000, steps: failed ? steps.slice(0, 3) : steps }
  push('service:event', { id: 'client', name: 'journey', data })
}

const snapshotOf = (id: ServiceId): Snapshot['services'][ServiceId] =>
  ({ status: statuses.get(id) ?? { id, state: 'stopped', endpoints: [] }, settings: {}, rows: [], log: [], lamp: dark })

const answers: { [Channel in keyof Channels]: (ask: Ask<Channel>) => Promise<Reply<Channel>> } = {
  'app:snapshot': async () => ({
    mode, notices: [], runtime: 'Electron 22.3.25 (test runtime, do not distribute)', version: '0.1.0',
    services: { dns: snapshotOf('dns'), dhcp: snapshotOf('dhcp'), 'app-server': snapshotOf('app-server'), client: snapshotOf('client') },
  }),
  'roles:start': async () => {
    for (const id of SERVICE_IDS) {
      if (statuses.get(id)?.state === 'running') continue
      const { error } = await start(id)
      if (error !== undefined) return { error }
    }
    push('browser:first', {})
    await sleep(300)
    journey('tcp')
    return {}
  },
  'roles:stop': async () => {
    for (const id of SERVICE_IDS) stop(id)
    return {}
  },
  'mode:set': async ask => {
    await sleep(START_MS)
    mode = ask.mode
    push('mode', { mode })
    return {}
  },
  'service:start': async ({ id, settings }) => {
    push('service:settings', { id, settings })
    return start(id)
  },
  'service:stop': async ({ id }) => {
    stop(id)
    return {}
  },
  'service:command': async ({ name, ask }) => {
    const ofLab = labReply(name, ask)
    if (ofLab !== undefined) return { value: ofLab }
    if (name === 'release') return { value: { released: true } }
    push('service:line', { id: 'dns', line: { to: 'log', text: `admin: ${JSON.stringify(ask)}` } })
    return { value: { lines: ['OK printer.home A 192.168.1.50 registered'] } }
  },
  'qlog:save': async () => ({}),
  'pcapng:save': async () => ({}),
  'pdf:save': async () => ({}),
  'browser:transport': async ({ transport }) => {
    if (statuses.get('client')?.state === 'running') setTimeout(() => journey(transport), 200)
    return {}
  },
  'window:zoom': async () => ({}),
  'browser:load': async ({ url }) => {
    const webview: (HTMLElement & { loadURL?(url: string): void }) | null = document.querySelector('webview')
    webview?.loadURL?.(url)
    return {}
  },
  'trace:open': async () => ({}),
}

const fakeBridge: Bridge = {
  invoke: (channel, ask) => answers[channel](ask),
  on: (channel, listen) => {
    const known = listeners.get(channel) ?? new Set<Listener>()
    listeners.set(channel, known.add(listen))
    return () => known.delete(listen)
  },
}

Object.assign(globalThis, {
  hamlet: fakeBridge,
  village: {
    push, journey,
    takePort53: () => { isPortTaken = true },
    crash: (id: ServiceId) => status({
      id, state: 'failed', endpoints: [],
      error: {
        code: 'service-crashed', what: `The ${id} service ended unexpectedly`, why: 'its process ended with status 139',
        done: 'it restarts in 0.5 s', remedy: 'look at its log', proof: 'pid 4121',
      },
    }),
  },
})
