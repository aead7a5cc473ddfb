/** Simulated machines: network namespaces joined by a bridge, which has a namespace of its own. Needs root. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

let made = 0

export interface Network {
  /** The namespace of each machine, by machine name. */
  readonly namespaces: Readonly<Record<string, string>>
  remove(): void
}

/**
 * Joins machines to one Ethernet.
 * @param machines name → address with prefix length, such as `10.77.0.1/24`; '' for an interface without an address
 */
export function createNetwork(machines: Readonly<Record<string, string>>): Network {
  const id = `ham${process.pid}x${made++}`
  const wire = `${id}-wire`
  const namespaces: Record<string, string> = {}
  ip('netns', 'add', wire)
  ip('-n', wire, 'link', 'add', 'br0', 'type', 'bridge')
  ip('-n', wire, 'link', 'set', 'br0', 'up')
  for (const [index, [machine, address]] of Object.entries(machines).entries()) {
    const namespace = `${id}-${machine}`
    namespaces[machine] = namespace
    ip('netns', 'add', namespace)
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    ip('-n', wire, 'link', 'add', `port${index}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    ip('-n', wire, 'link', 'set', `port${index}`, 'master', 'br0', 'up')
    ip('-n', namespace, 'link', 'set', 'eth0', 'up')
    if (address !== '') ip('-n', namespace, 'address', 'add', address, 'dev', 'eth0')
  }
  return {
    namespaces,
    remove() {
      for (const namespace of [...Object.values(namespaces), wire]) ip('netns', 'delete', namespace)
    },
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

/** Runs a system program, in a namespace if given, and returns its output. @throws if it fails */
export function run(namespace: string | undefined, file: string, ...args: string[]): string {
  const [command = '', ...rest] = namespace === undefined ? [file, ...args] : ['ip', 'netns', 'exec', namespace, file, ...args]
  return execFileSync(command, rest, { encoding: 'utf8', timeout: 30_000, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Starts a program that runs alongside the test. Returns when its output matches `ready`. */
export async function startPeer(namespace: string | undefined, file: string, args: readonly string[], ready: RegExp): Promise<{ stop(): Promise<void> }> {
  const [command = '', ...rest] = namespace === undefined ? [file, ...args] : ['ip', 'netns', 'exec', namespace, file, ...args]
  const child: ChildProcess = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${file} did not print ${ready}: ${output}`)), 15_000)
    const look = (chunk: Buffer) => {
      output += chunk.toString('utf8')
      if (!ready.test(output)) return
      clearTimeout(timer)
      resolve()
    }
    child.stdout?.on('data', look)
    child.stderr?.on('data', look)
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`${file} ended: ${output}`)))
  })
  return {
    async stop() {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}
