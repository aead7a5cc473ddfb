// Each wall is tried: a planted violation of it must be found, and what the wall lets through must pass.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PlantedTree } from './planted-tree.ts'

const header = '/** Planted. */\n'

/** What stands already; every file obeys every wall. */
const ground: Record<string, string> = {
  'src/main/main.ts': `${header}import { readFileSync } from 'node:fs'\nimport { contracts } from '../services/contracts.ts'\nimport { clock } from '../services/kit/node/clock.ts'\nimport { channels } from '../preload/contract.ts'\nimport './ipc.ts'\nexport const all = [readFileSync, contracts, clock, channels]\n`,
  'src/main/ipc.ts': `${header}import { ipcMain } from 'electron'\nipcMain.removeAllListeners()\n`,
  'src/main/utility-host.ts': `${header}import { implementations } from '../services/services.ts'\nexport const all = implementations\n`,
  'src/preload/contract.ts': `${header}import { z } from 'zod'\nimport { contracts } from '../services/contracts.ts'\nexport const channels = [z, contracts]\n`,
  'src/preload/preload.ts': `${header}import { contextBridge } from 'electron'\nimport { channels } from './contract.ts'\nexport const all = [contextBridge, channels]\n`,
  'src/renderer/main.tsx': `${header}import { app } from './shell/app.ts'\nexport const all = [app]\n`,
  'src/renderer/shell/app.ts': `${header}import { panel } from '../dns/panel.ts'\nimport { form } from '../dhcp/form.ts'\nexport const app = [panel, form]\n`,
  'src/renderer/dns/panel.ts': `${header}import { button } from '../ui/button.ts'\nimport { decode } from '../../services/dns/wire/message.ts'\nimport { channels } from '../../preload/contract.ts'\nexport const panel = [button, decode, channels]\n`,
  'src/renderer/dhcp/form.ts': `${header}export const form = 'form'\n`,
  'src/renderer/ui/button.ts': `${header}import { z } from 'react'\nimport { port } from '../../services/kit/port.ts'\nexport const button = [z, port]\n`,
  'src/services/contracts.ts': `${header}import { dns } from './dns/contract.ts'\nexport const contracts = [dns]\n`,
  'src/services/settings.ts': `${header}import { contracts } from './contracts.ts'\nexport const settings = contracts\n`,
  'src/services/services.ts': `${header}import { dnsService } from './dns/service.ts'\nimport { appServer } from './app-server/service.ts'\nimport { client } from './client/service.ts'\nexport const implementations = [dnsService, appServer, client]\n`,
  'src/services/kit/port.ts': `${header}import { z } from 'zod'\nexport const port = z\n`,
  'src/services/kit/node/clock.ts': `${header}import { performance } from 'node:perf_hooks'\nexport const clock = () => performance.now()\n`,
  'src/services/kit/node/settings-file.ts': `${header}import { settings } from '../../settings.ts'\nexport const file = settings\n`,
  'src/services/kit/node/streams.ts': `${header}import { createServer } from 'node:net'\nexport const listen = createServer\n`,
  'src/services/kit/node/udp/door.ts': `${header}import { createSocket } from 'node:dgram'\nexport const open = createSocket\n`,
  'src/services/kit/node/testing/sim.ts': `${header}export const sim = 'sim'\n`,
  'src/services/dns/contract.ts': `${header}import { port } from '../kit/port.ts'\nexport const dns = port\n`,
  'src/services/dns/wire/message.ts': `${header}export const decode = (bytes: Uint8Array): number => bytes[0] ?? 0\n`,
  'src/services/dns/register.ts': `${header}import { decode } from './wire/message.ts'\nexport const register = decode\n`,
  'src/services/dns/service.ts': `${header}import { dns } from './contract.ts'\nimport { open } from '../kit/node/udp/door.ts'\nimport { listen } from '../kit/node/streams.ts'\nimport { file } from '../kit/node/settings-file.ts'\nexport const dnsService = [dns, open, listen, file]\n`,
  'src/services/dhcp/client.ts': `${header}export const lease = 'lease'\n`,
  'src/services/rudp/socket.ts': `${header}export const dial = 'dial'\n`,
  'src/services/app-server/service.ts': `${header}import { register } from '../dns/register.ts'\nimport { dial } from '../rudp/socket.ts'\nexport const appServer = [register, dial]\n`,
  'src/services/client/service.ts': `${header}import { lease } from '../dhcp/client.ts'\nimport { dial } from '../rudp/socket.ts'\nimport { decode } from '../dns/wire/message.ts'\nexport const client = [lease, dial, decode]\n`,
  'src/services/cli/main.ts': `${header}import { implementations } from '../services.ts'\nexport const all = implementations\n`,
  'src/services/dns/service.test.ts': 'import { expect, test } from \'vitest\'\nimport { lease } from \'../dhcp/client.ts\'\nimport { sim } from \'../kit/node/testing/sim.ts\'\ntest(\'a test may read what it compares with\', () => {\n  expect([lease, sim]).toHaveLength(2)\n})\n',
}

interface Plant {
  readonly what: string
  readonly path: string
  readonly text: string
  /** The rule that must find it. */
  readonly wall: string
  /** What it needs to be one. */
  readonly beside?: Readonly<Record<string, string>>
}
const reads = (what: string, path: string, specifier: string, wall: string, name = 'z'): Plant => ({ what, path, text: `${header}import * as ${name} from '${specifier}'\nexport const planted = ${name}\n`, wall })
const says = (what: string, path: string, text: string, wall: string): Plant => ({ what, path, text: `${header}${text}\n`, wall })

const imports: Plant[] = [
  reads('node:fs in a core', 'src/services/dns/core/a.ts', 'node:fs', 'pure-rooms-stay-pure'),
  reads('an impure room of kit in a contract', 'src/services/dhcp/contract.ts', '../kit/node/clock.ts', 'pure-rooms-stay-pure'),
  reads('a package in kit', 'src/services/kit/a.ts', 'react', 'pure-rooms-stay-pure'),
  reads('Electron in a service', 'src/services/dns/a.ts', 'electron', 'services-know-no-window'),
  reads('Electron in a service, by its other wall', 'src/services/dns/b.ts', 'electron', 'electron-in-main-and-preload'),
  reads('React in a service', 'src/services/dns/c.ts', 'react', 'services-know-no-window'),
  reads('the window in a service', 'src/services/dns/d.ts', '../../renderer/dns/panel.ts', 'services-know-no-window'),
  reads('DHCP in DNS', 'src/services/dns/e.ts', '../dhcp/client.ts', 'dns-dhcp-rudp-stand-apart'),
  reads('DNS beyond registering in the names of DHCP', 'src/services/dhcp/name-registration.ts', '../dns/wire/message.ts', 'dhcp-registers-names'),
  reads('a service in the transport', 'src/services/rudp/a.ts', '../app-server/service.ts', 'dns-dhcp-rudp-stand-apart'),
  reads('DNS beyond registering in the app server', 'src/services/app-server/a.ts', '../dns/wire/message.ts', 'app-server-reads-rudp-and-register'),
  reads('the app server in the client', 'src/services/client/a.ts', '../app-server/service.ts', 'client-reads-dns-dhcp-and-rudp'),
  reads('a client in the roles', 'src/services/roles/a.ts', '../dhcp/client.ts', 'roles-read-contracts-and-kit'),
  reads('a service in kit', 'src/services/kit/node/a.ts', '../../dns/register.ts', 'kit-knows-no-service'),
  reads('an implementation beside the roots', 'src/services/client/b.ts', '../dns/service.ts', 'implementations-in-roots-only'),
  reads('an implementation in main', 'src/main/a.ts', '../services/services.ts', 'implementations-in-roots-only'),
  reads('a codec in main', 'src/main/b.ts', '../services/dns/wire/message.ts', 'main-reads-contracts-and-kit'),
  reads('a client in main', 'src/main/c.ts', '../services/dhcp/client.ts', 'main-reads-contracts-and-kit'),
  reads('the page in main', 'src/main/d.ts', '../renderer/ui/button.ts', 'main-reads-contracts-and-kit'),
  reads('Node in the preload script', 'src/preload/a.ts', 'node:fs', 'preload-is-thin'),
  reads('kit/node in the renderer', 'src/renderer/dns/a.ts', '../../services/kit/node/clock.ts', 'renderer-sees-pure-rooms-only'),
  reads('main in the renderer', 'src/renderer/dns/b.ts', '../../main/ipc.ts', 'renderer-sees-pure-rooms-only'),
  reads('the preload script in the renderer', 'src/renderer/dns/c.ts', '../../preload/preload.ts', 'renderer-sees-pure-rooms-only'),
  reads('Electron in the renderer', 'src/renderer/dns/d.ts', 'electron', 'renderer-sees-pure-rooms-only'),
  reads('Node in the renderer', 'src/renderer/dns/e.ts', 'node:path', 'renderer-has-no-node'),
  reads('a feature in a feature', 'src/renderer/dhcp/a.ts', '../dns/panel.ts', 'features-stand-apart'),
  reads('the shell in a feature', 'src/renderer/dhcp/b.ts', '../shell/app.ts', 'features-stand-apart'),
  reads('a feature in a widget', 'src/renderer/ui/a.ts', '../dns/panel.ts', 'features-stand-apart'),
  reads('a service in a widget', 'src/renderer/ui/b.ts', '../../services/dns/contract.ts', 'widgets-know-no-hamlet'),
  reads('a second door for datagrams', 'src/services/dns/f.ts', 'node:dgram', 'datagrams-through-one-door'),
  reads('a simulated disk in a service', 'src/services/dns/g.ts', '../kit/node/testing/sim.ts', 'test-support-in-tests-only'),
  reads('a test in a service', 'src/services/dns/h.ts', './service.test.ts', 'tests-are-leaves'),
  reads('a file that is not there', 'src/services/dns/i.ts', './nowhere.ts', 'nothing-unresolved'),
  reads('a package that nobody declared', 'src/services/dns/j.ts', 'undeclared', 'packages-declared'),
  { ...reads('a circle', 'src/services/dns/k.ts', './l.ts', 'no-cycles'), beside: { 'src/services/dns/l.ts': `${header}import { planted } from './k.ts'\nexport const z = [planted]\n` } },
  says('a file that no program reads', 'src/services/dns/m.ts', 'export const dead = 1', 'no-dead-files'),
]

const CORE = 'src/services/dns/core'
/** The walls of the compiler, by the project that holds each. */
const compiled: Record<string, Plant[]> = {
  'tsconfig.pure.json': [
    says('node:fs in a core', `${CORE}/fs.ts`, 'export { readFileSync } from \'node:fs\'', 'TS2591'),
    says('setTimeout in a core', `${CORE}/timer.ts`, 'setTimeout(() => undefined, 1)', 'TS2304'),
    says('process in a core', `${CORE}/process.ts`, 'export const planted = process.pid', 'TS2591'),
    says('Buffer in a core', `${CORE}/buffer.ts`, 'export const planted = Buffer.alloc(1)', 'TS2591'),
    says('the DOM in a core', `${CORE}/dom.ts`, 'export const planted = document.title', 'TS2584'),
    says('TextEncoder in a codec', 'src/services/dns/wire/text.ts', 'export const planted = new TextEncoder()', 'TS2304'),
    says('console in kit', 'src/services/kit/console.ts', 'console.log(1)', 'TS2584'),
    says('a timer in a contract', 'src/services/rudp/contract.ts', 'setInterval(() => undefined, 1)', 'TS2304'),
  ],
  'tsconfig.services.json': [
    says('fetch in a service', 'src/services/dns/fetch.ts', 'void fetch(\'http://192.0.2.1\')', 'TS2304'),
    says('structuredClone in a service', 'src/services/dns/clone.ts', 'export const planted = structuredClone({})', 'TS2304'),
    says('toSorted in a service', 'src/services/dns/sorted.ts', 'export const planted = [2, 1].toSorted()', 'TS2550'),
    says('AbortSignal.any in a service', 'src/services/dns/any.ts', 'export const planted = AbortSignal.any([])', 'TS2339'),
  ],
  'tsconfig.renderer.json': [
    says('node:fs in the window', 'src/renderer/dns/fs.ts', 'export { readFileSync } from \'node:fs\'', 'TS2591'),
    says('process in the window', 'src/renderer/dns/process.ts', 'export const planted = process.pid', 'TS2591'),
  ],
}

const linted: Plant[] = [
  says('Date.now in a core', `${CORE}/now.ts`, 'export const planted = Date.now()', 'no-restricted-properties'),
  says('Math.random in kit', 'src/services/kit/dice.ts', 'export const planted = Math.random()', 'no-restricted-properties'),
  says('a date of today in a codec', 'src/services/dns/wire/today.ts', 'export const planted = new Date()', 'no-restricted-syntax'),
  says('fetch in a service', 'src/services/dns/fetch.ts', 'void fetch(\'http://192.0.2.1\')', 'no-restricted-globals'),
  says('structuredClone in main', 'src/main/a1.ts', 'export const planted = structuredClone({})', 'no-restricted-globals'),
  says('Blob in main', 'src/main/a2.ts', 'export const planted = new Blob()', 'no-restricted-globals'),
  says('WebSocket in main', 'src/main/a3.ts', 'export const planted = new WebSocket(\'ws://192.0.2.1\')', 'no-restricted-globals'),
  says('AbortSignal.any in main', 'src/main/a4.ts', 'export const planted = AbortSignal.any([])', 'no-restricted-properties'),
  says('toSorted in main', 'src/main/a5.ts', 'export const planted = [2, 1].toSorted()', 'no-restricted-syntax'),
  says('Array.with in the window', 'src/renderer/dns/with.ts', 'export const planted = [2, 1].with(0, 1)', 'no-restricted-syntax'),
  says('toReversed in the window', 'src/renderer/dns/reversed.ts', 'export const planted = [2, 1].toReversed()', 'no-restricted-syntax'),
  says('startViewTransition in the window', 'src/renderer/dns/transition.ts', 'document.startViewTransition(() => undefined)', 'no-restricted-properties'),
  says('a popover in the window', 'src/renderer/dns/popover.tsx', 'export const planted = <div popover="auto" />', 'no-restricted-syntax'),
  says('Promise.withResolvers in the window', 'src/renderer/dns/resolvers.ts', 'export const planted = Promise.withResolvers()', 'no-restricted-properties'),
  says('Object.groupBy in the window', 'src/renderer/dns/group.ts', 'export const planted = Object.groupBy([], String)', 'no-restricted-properties'),
  says('ipcMain beside ipc.ts', 'src/main/a6.ts', 'import { ipcMain } from \'electron\'\nipcMain.removeAllListeners()', 'no-restricted-imports'),
  says('node:dgram beside its door', 'src/services/dns/datagrams.ts', 'export { createSocket } from \'node:dgram\'', 'no-restricted-imports'),
  says('node:dgram in kit/node', 'src/services/kit/node/datagrams.ts', 'export { createSocket } from \'node:dgram\'', 'no-restricted-imports'),
  says('a listening socket beside kit/node', 'src/services/dns/listen.ts', 'import { createServer } from \'node:net\'\nexport const planted = createServer()', 'no-restricted-imports'),
  says('any', 'src/services/dns/any.ts', 'export const planted = (value: any) => [value]', '@typescript-eslint/no-explicit-any'),
  says('an empty catch', 'src/services/dns/catch.ts', 'try {\n  JSON.parse(\'\')\n} catch {}', 'no-empty'),
  says('a non-null assertion', 'src/services/dns/assertion.ts', 'export const planted = [1][0]!', '@typescript-eslint/no-non-null-assertion'),
  says('an enum', 'src/services/dns/enum.ts', 'export enum Planted { One }', 'no-restricted-syntax'),
  { what: 'an `as` without a reason', path: 'src/services/dns/as.ts', text: `${header}\nexport const planted = JSON.parse('') as string\n`, wall: 'hamlet/reason-for-assertion' },
  says('a promise that nobody waits for', 'src/services/dns/floating.ts', 'Promise.reject(new Error())', '@typescript-eslint/no-floating-promises'),
  says('a switch that forgets a case', 'src/services/dns/switch.ts', 'export const planted = (way: \'in\' | \'out\') => {\n  switch (way) {\n    case \'in\': return 1\n  }\n  return 0\n}', '@typescript-eslint/switch-exhaustiveness-check'),
  says('console in a service', 'src/services/dns/console.ts', 'console.log(1)', 'no-console'),
  says('a file that is imported twice', 'src/services/dns/twice.ts', 'import { decode } from \'./wire/message.ts\'\nimport { decode as again } from \'./wire/message.ts\'\nexport const planted = [decode, again]', 'no-duplicate-imports'),
  says('a semicolon', 'src/services/dns/semicolon.ts', 'export const planted = 1;', 'semi'),
  says('a long file', 'src/services/dns/long.ts', `export const planted = 1\n${'// more\n'.repeat(360)}`, 'max-lines'),
  says('a long function', 'src/services/dns/long-function.ts', `export function planted(): void {\n${'  JSON.parse(\'1\')\n'.repeat(80)}}`, 'max-lines-per-function'),
  { what: 'a skipped test', path: 'src/services/dns/skip.test.ts', text: 'import { test } from \'vitest\'\ntest.skip(\'nothing\', () => undefined)\n', wall: 'no-restricted-properties' },
]

describe.each([
  { checker: 'the import checker', plants: imports, check: (tree: PlantedTree) => tree.importChecker() },
  ...Object.entries(compiled).map(([project, plants]) => ({ checker: `the compiler with ${project}`, plants, check: (tree: PlantedTree) => tree.compiler(project) })),
  { checker: 'the linter', plants: linted, check: (tree: PlantedTree) => tree.linter() },
])('$checker', ({ plants, check }) => {
  let tree: PlantedTree
  let found: string[] = []

  beforeAll(async () => {
    tree = new PlantedTree({ ...ground, ...Object.assign({}, ...plants.map(({ path, text, beside }) => ({ [path]: text, ...beside }))) })
    found = await check(tree)
  })
  afterAll(() => tree.remove())

  test.each(plants)('finds $what', ({ path, wall }) => {
    expect(found).toContain(`${path}: ${wall}`)
  })

  test('lets pass what obeys the walls', () => {
    expect(found.filter(complaint => Object.keys(ground).some(path => complaint.startsWith(`${path}:`)))).toEqual([])
  })
})
