import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { emptyFolder, runHamlet, RunningHamlet, type Where } from '../support/hamlet.ts'
import { askByUdp } from '../support/udp.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const BUNDLE = join(ROOT, '.vite', 'build', 'hamlet.cjs')
const ELECTRON = join(ROOT, 'node_modules', 'electron', 'dist', 'electron')

/** The Node installed on this machine, not the one in the project's node_modules. */
const machinesNode = (process.env['PATH'] ?? '').split(delimiter).filter(folder => !folder.includes('node_modules')).map(folder => join(folder, 'node')).find(existsSync) ?? 'node'

const closing: (() => unknown)[] = []
afterEach(async () => { for (const close of closing.splice(0).reverse()) await close() })

async function startDns(io: string, where: Where) {
  const dns = new RunningHamlet(['dns', '--port', '0', '--admin_port', '0', '--io', io, '--data', emptyFolder()], where)
  closing.push(() => dns.stop())
  const [, adminPort] = await dns.line(/the admin port is 127\.0\.0\.1:(\d+)/, 'stderr')
  return { dns, adminPort: Number(adminPort) }
}

async function startDisplay(): Promise<string> {
  const xvfb = spawn('Xvfb', ['-displayfd', '1', '-nolisten', 'tcp'], { stdio: ['ignore', 'pipe', 'ignore'] })
  closing.push(() => xvfb.kill())
  const [number] = await once(xvfb.stdout.setEncoding('utf8'), 'data') as [string]
  return `:${number.trim()}`
}

test.each<{ name: string; where: () => Promise<Where> | Where }>([
  { name: 'the Node of this project', where: () => ({}) },
  { name: 'the Node of this machine', where: () => ({ runtime: [machinesNode] }) },
  { name: 'Electron as Node', where: () => ({ runtime: [ELECTRON], environment: { ELECTRON_RUN_AS_NODE: '1' } }) },
  {
    name: 'a utility process of Electron',
    where: async () => ({ runtime: [ELECTRON, join(ROOT, 'test', 'support', 'utility-process'), '--no-sandbox', '--disable-gpu'], environment: { DISPLAY: await startDisplay() } }),
  },
])('the same add-on works in $name', async ({ where }) => {
  const { dns, adminPort } = await startDns('batch', await where())
  expect(dns.stderr).toContain('UDP: in batches (native add-on)')
  expect(await askByUdp(adminPort, 'REGISTER my-app.home 192.0.2.1')).toMatch(/^OK/)
  expect(await askByUdp(adminPort, 'LIST')).toContain('192.0.2.1')
})

/** A copy of the bundle with a damaged add-on, or none. */
function bundleBeside(addOn: string | undefined): string {
  const folder = join(emptyFolder(), '.vite')
  for (const name of ['build', 'native']) mkdirSync(join(folder, name), { recursive: true })
  copyFileSync(BUNDLE, join(folder, 'build', 'hamlet.cjs'))
  if (addOn !== undefined) writeFileSync(join(folder, 'native', `udp-${process.platform}-${process.arch}.node`), addOn)
  return join(folder, 'build', 'hamlet.cjs')
}

test.each([
  ['is missing', undefined, 'was not built, which takes a C compiler'],
  ['is damaged', '\x7fELF and nothing more', 'could not be loaded: '],
])('if the add-on %s, UDP uses node:dgram, and one line says why', async (_, addOn, why) => {
  const { dns, adminPort } = await startDns('auto', { bundle: bundleBeside(addOn) })
  expect(dns.stderr).toMatch(new RegExp(`^UDP: one datagram per system call \\(node:dgram\\): the batch add-on ${why}.*$`, 'm'))
  expect(await askByUdp(adminPort, 'REGISTER my-app.home 192.0.2.1')).toMatch(/^OK/)
})

test('if the add-on is required but missing, one line says so, and the status is 1', async () => {
  const { status, stderr } = await runHamlet(['dns', '--port', '0', '--admin_port', '0', '--io', 'batch', '--data', emptyFolder()], { bundle: bundleBeside(undefined) })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^hamlet: UDP in batches is not available: the batch add-on was not built[^\n]*\. Leave --io out[^\n]+\n$/)
})
