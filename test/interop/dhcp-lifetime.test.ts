import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { emptyFolder, RunningHamlet } from '../support/hamlet.ts'
import { run } from '../support/namespaces.ts'

const folder = emptyFolder()
const ip = (...args: string[]) => run(undefined, 'ip', ...args)

const macOf = (namespace: string, name: string) => /link\/ether ([0-9a-f:]+)/.exec(run(namespace, 'ip', 'link', 'show', 'dev', name))?.[1] ?? 'none'

/** The script that dhclient and udhcpc run, each with its own variables and reasons. */
const SCRIPT = join(folder, 'script')
writeFileSync(SCRIPT, [
  '#!/bin/sh', 'case "$reason$1" in',
  'BOUND|RENEW|REBIND|REBOOT) ip address replace "$new_ip_address/24" dev eth0 ;;',
  'bound|renew) ip address replace "$ip/$mask" dev eth0 ;;',
  'RELEASE|EXPIRE|deconfig) ip address flush dev eth0 ;;',
  'esac', '',
].join('\n'))
chmodSync(SCRIPT, 0o755)
mkdirSync(join(folder, 'networkd'))
writeFileSync(join(folder, 'networkd', '10.network'), '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\nSendRelease=yes\nUseDNS=no\n')

interface ClientProgram {
  readonly name: string
  /** A shell command, run in the client's network and mount namespaces with an empty /run. */
  readonly start: string
  /** Makes the client renew early, if it does not follow T1. */
  readonly renew?: NodeJS.Signals
  readonly release: NodeJS.Signals | string
}

/** `$lease` is a file of the client's own. */
const PROGRAMS: readonly ClientProgram[] = [
  { name: 'dhclient', start: `exec dhclient -4 -d -v -sf ${SCRIPT} -lf $lease -pf /run/dhclient.pid eth0`, release: `dhclient -4 -r -sf ${SCRIPT} -lf $lease -pf /run/none.pid eth0` },
  { name: 'udhcpc', start: `exec udhcpc -i eth0 -f -R -s ${SCRIPT}`, renew: 'SIGUSR1', release: 'SIGUSR2' },
  { name: 'dhcpcd', start: 'mount -t tmpfs none /var/lib/dhcpcd; exec dhcpcd -4 -B -A -L -d -c /bin/true eth0', release: 'SIGALRM' },
  {
    name: 'systemd-networkd', release: 'SIGTERM',
    // It waits for udev, except in a container, which it recognizes by a read-only /sys.
    start: `mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases; cp ${join(folder, 'networkd')}/* /run/systemd/network; chown -R systemd-network /run/systemd/netif; mount -o remount,ro /sys; exec /lib/systemd/systemd-networkd`,
  },
]

class Client {
  readonly namespace: string
  readonly mac: string
  readonly server: string
  readonly #program: ClientProgram
  readonly #lease: string
  #process: ChildProcess | undefined

  constructor(program: ClientProgram, namespace: string, server: string) {
    this.#program = program
    this.namespace = namespace
    this.server = server
    this.#lease = join(folder, `${namespace}.lease`)
    this.mac = macOf(namespace, 'eth0')
  }

  start(): void {
    this.#process = spawn('ip', ['netns', 'exec', this.namespace, 'unshare', '--mount', 'sh', '-c', `mount -t tmpfs none /run; lease=${this.#lease}; ${this.#program.start}`], { stdio: 'ignore' })
  }

  get address(): string {
    return /inet ([\d.]+)\//.exec(run(this.namespace, 'ip', '-4', '-o', 'address', 'show', 'dev', 'eth0'))?.[1] ?? 'none'
  }

  renew(): void {
    if (this.#program.renew !== undefined) this.#process?.kill(this.#program.renew)
  }

  release(): void {
    const { release } = this.#program
    if (release.startsWith('SIG')) this.#process?.kill(release as NodeJS.Signals) // the name of a signal, by its prefix
    else run(this.namespace, 'sh', '-c', `lease=${this.#lease}; ${release}`)
  }

  /** Directs unicast to the server to this hardware address. Broadcasts are not affected. */
  sendUnicastTo(mac: string): void {
    ip('-n', this.namespace, 'neigh', 'replace', this.server, 'lladdr', mac, 'dev', 'eth0', 'nud', 'permanent')
  }

  async stop(): Promise<void> {
    if (this.#process === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.#process.kill('SIGKILL')
    await once(this.#process, 'exit')
  }
}

/** Captures all DHCP on the server's interfaces: `mac type destination ciaddr`. */
class Capture {
  #text = ''
  readonly #process: ChildProcess

  constructor(namespace: string, interfaces: readonly string[]) {
    const fields = ['dhcp.hw.mac_addr', 'dhcp.option.dhcp', 'ip.dst', 'dhcp.ip.client'].flatMap(field => ['-e', field])
    this.#process = spawn('ip', ['netns', 'exec', namespace, 'tshark', '-l', '-n', ...interfaces.flatMap(name => ['-i', name]), '-f', 'udp port 67 or udp port 68', '-T', 'fields', ...fields], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process.stdout?.on('data', (chunk: Buffer) => { this.#text += chunk.toString('utf8') })
  }

  /** Waits until packets are captured. */
  async ready(): Promise<void> {
    let output = ''
    await new Promise<void>(resolve => this.#process.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8')
      if (/Capture started/.test(output)) resolve()
    }))
  }

  of(mac: string): string[] {
    return this.#text.split('\n').flatMap(line => {
      const [macs, ...rest] = line.split('\t')
      // The address appears twice if it is in the client identifier too.
      return macs?.split(',')[0] === mac ? [rest.join(' ')] : []
    })
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM')
    await once(this.#process, 'exit')
  }
}

describe.each([{ wires: 1, io: 'batch' }, { wires: 2, io: 'batch' }, { wires: 1, io: 'dgram' }, { wires: 2, io: 'dgram' }])('on $wires interfaces over $io', ({ wires, io }) => {
  const prefix = `life${process.pid}${io[0]}${wires}`
  const serverSpace = `${prefix}-s`
  const bridgeSpace = `${prefix}-b`
  const data = emptyFolder()
  let clients: Client[] = []
  let server: RunningHamlet
  let capture: Capture

  beforeAll(async () => {
    for (const space of [serverSpace, bridgeSpace]) ip('netns', 'add', space)
    ip('-n', serverSpace, 'link', 'set', 'lo', 'up')
    for (let wire = 0; wire < wires; wire++) {
      ip('-n', bridgeSpace, 'link', 'add', `br${wire}`, 'type', 'bridge')
      ip('-n', bridgeSpace, 'link', 'set', `br${wire}`, 'up')
      ip('-n', bridgeSpace, 'link', 'add', `s${wire}`, 'type', 'veth', 'peer', 'name', `if${wire}`, 'netns', serverSpace)
      ip('-n', bridgeSpace, 'link', 'set', `s${wire}`, 'master', `br${wire}`, 'up')
      ip('-n', serverSpace, 'address', 'add', `10.${wire + 1}.0.1/24`, 'dev', `if${wire}`)
      ip('-n', serverSpace, 'link', 'set', `if${wire}`, 'up')
    }
    clients = PROGRAMS.map((program, index) => {
      const [wire, namespace] = [index % wires, `${prefix}-${index}`]
      ip('netns', 'add', namespace)
      ip('-n', bridgeSpace, 'link', 'add', `c${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
      ip('-n', bridgeSpace, 'link', 'set', `c${index}`, 'master', `br${wire}`, 'up')
      ip('-n', namespace, 'link', 'set', 'lo', 'up')
      ip('-n', namespace, 'link', 'set', 'eth0', 'up')
      return new Client(program, namespace, `10.${wire + 1}.0.1`)
    })
    server = new RunningHamlet(['dhcp', '--port', '67', '--lease', '60', '--option', '58=4', '--option', '59=8', '--beside_others', '--io', io, '--data', data], { namespace: serverSpace })
    await server.line(/^Server is running on port 67/)
    capture = new Capture(serverSpace, Array.from({ length: wires }, (_, wire) => `if${wire}`))
    await capture.ready()
  })
  afterAll(async () => {
    await Promise.all(clients.map(client => client.stop()))
    await capture.stop()
    await server.stop()
    for (const space of [serverSpace, bridgeSpace, ...clients.map(({ namespace }) => namespace)]) ip('netns', 'delete', space)
  })

  /** Whether a message that starts like this was answered with an ACK. */
  const acked = ({ mac }: Client, message: string) => {
    const lines = capture.of(mac)
    const sent = lines.findIndex(line => line.startsWith(message))
    return sent >= 0 && lines.slice(sent).some(line => line.startsWith('5 '))
  }
  const each = <T>(what: (client: Client) => T) => Object.fromEntries(PROGRAMS.map(({ name }, index) => [name, what(clients[index] as Client)])) // one client per program
  const every = (value: unknown) => Object.fromEntries(PROGRAMS.map(({ name }) => [name, value]))

  test('every client obtains an address on its link', async () => {
    clients.forEach(client => client.start())
    await expect.poll(() => each(({ address, server }) => address.startsWith(`${server}0`)), { timeout: 40_000, interval: 500 }).toEqual(every(true))
  })

  test('every client renews by unicast, at T1 or on a signal', async () => {
    clients.forEach(client => client.renew())
    await expect.poll(() => each(client => acked(client, `3 ${client.server} ${client.address}`)), { timeout: 40_000, interval: 500 }).toEqual(every(true))
  })

  test('every client rebinds by broadcast at T2 when its server is silent', async () => {
    clients.forEach(client => client.sendUnicastTo('02:00:00:00:00:99'))
    clients.forEach(client => client.renew())
    await expect.poll(() => each(client => acked(client, `3 255.255.255.255 ${client.address}`)), { timeout: 60_000, interval: 500 }).toEqual(every(true))
    clients.forEach((client, index) => client.sendUnicastTo(macOf(serverSpace, `if${index % wires}`)))
  })

  test('every client releases its address, and the server records it', async () => {
    const addresses = each(({ address }) => address)
    clients.forEach(client => client.release())
    const released = () => {
      const lines = readFileSync(join(data, 'leases.jsonl'), 'utf8').split('\n')
      return Object.fromEntries(Object.entries(addresses).map(([name, address]) => [name, lines.some(line => line.includes(`"${address}","state":"released"`))]))
    }
    await expect.poll(released, { timeout: 20_000, interval: 500 }).toEqual(every(true))
  })
})
