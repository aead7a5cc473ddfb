// Tests each rule of the import checker, the compiler and the linter: a planted violation must be found, and correct code must pass.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PlantedTree } from './planted-tree.ts'

const header = '/** Planted. */\n'

/** The existing files, which obey all rules. */
const base: Record<string, string> = {
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
  'src/services/dns/service.test.ts': 'import { expect, test } from \'vitest\'\nimport { lease } from \'../dhcp/client.ts\'\nimport { sim } from \'../kit/node/testing/sim.ts\'\ntest(\'a test may import what it compares with\', () => {\n  expect([lease, sim]).toHaveLength(2)\n})\n',
}

interface Plant {
  readonly what: string
  readonly path: string
  readonly text: string
  /** The rule that must find it. */
  readonly rule: string
  /** Other files that the violation needs. */
  readonly beside?: Readonly<Record<string, string>>
}
const imports = (what: string, path: string, specifier: string, rule: string, name = 'z'): Plant => ({ what, path, text: `${header}import * as ${name} from '${specifier}'\nexport const planted = ${name}\n`, rule })
const contains = (what: string, path: string, text: string, rule: string): Plant => ({ what, path, text: `${header}${text}\n`, rule })

const importPlants: Plant[] = [
  imports('node:fs in a core', 'src/services/dns/core/a.ts', 'node:fs', 'pure-modules-stay-pure'),
  imports('an impure module of kit in a contract', 'src/services/dhcp/contract.ts', '../kit/node/clock.ts', 'pure-modules-stay-pure'),
  imports('a package in kit', 'src/services/kit/a.ts', 'react', 'pure-modules-stay-pure'),
  imports('Electron in a service', 'src/services/dns/a.ts', 'electron', 'services-without-window'),
  imports('Electron in a service, by the other rule', 'src/services/dns/b.ts', 'electron', 'electron-in-main-and-preload'),
  imports('React in a service', 'src/services/dns/c.ts', 'react', 'services-without-window'),
  imports('the window in a service', 'src/services/dns/d.ts', '../../renderer/dns/panel.ts', 'services-without-window'),
  imports('DHCP in DNS', 'src/services/dns/e.ts', '../dhcp/client.ts', 'dns-dhcp-rudp-independent'),
  imports('more of DNS than registration in DHCP\'s name-registration.ts', 'src/services/dhcp/name-registration.ts', '../dns/wire/message.ts', 'dhcp-registers-names'),
  imports('a service in the transport', 'src/services/rudp/a.ts', '../app-server/service.ts', 'dns-dhcp-rudp-independent'),
  imports('more of DNS than registration in the app server', 'src/services/app-server/a.ts', '../dns/wire/message.ts', 'app-server-imports-rudp-and-register'),
  imports('the app server in the client', 'src/services/client/a.ts', '../app-server/service.ts', 'client-imports-dns-dhcp-and-rudp'),
  imports('a client in the roles', 'src/services/roles/a.ts', '../dhcp/client.ts', 'roles-import-contracts-and-kit'),
  imports('a service in kit', 'src/services/kit/node/a.ts', '../../dns/register.ts', 'kit-without-services'),
  imports('an implementation outside the entry points', 'src/services/client/b.ts', '../dns/service.ts', 'implementations-in-roots-only'),
  imports('an implementation in main', 'src/main/a.ts', '../services/services.ts', 'implementations-in-roots-only'),
  imports('a codec in main', 'src/main/b.ts', '../services/dns/wire/message.ts', 'main-imports-contracts-and-kit'),
  imports('a client in main', 'src/main/c.ts', '../services/dhcp/client.ts', 'main-imports-contracts-and-kit'),
  imports('the page in main', 'src/main/d.ts', '../renderer/ui/button.ts', 'main-imports-contracts-and-kit'),
  imports('Node in the preload script', 'src/preload/a.ts', 'node:fs', 'preload-is-thin'),
  imports('kit/node in the renderer', 'src/renderer/dns/a.ts', '../../services/kit/node/clock.ts', 'renderer-imports-pure-modules-only'),
  imports('main in the renderer', 'src/renderer/dns/b.ts', '../../main/ipc.ts', 'renderer-imports-pure-modules-only'),
  imports('the preload script in the renderer', 'src/renderer/dns/c.ts', '../../preload/preload.ts', 'renderer-imports-pure-modules-only'),
  imports('Electron in the renderer', 'src/renderer/dns/d.ts', 'electron', 'renderer-imports-pure-modules-only'),
  imports('Node in the renderer', 'src/renderer/dns/e.ts', 'node:path', 'renderer-has-no-node'),
  imports('a feature in a feature', 'src/renderer/dhcp/a.ts', '../dns/panel.ts', 'features-independent'),
  imports('the shell in a feature', 'src/renderer/dhcp/b.ts', '../shell/app.ts', 'features-independent'),
  imports('a feature in a widget', 'src/renderer/ui/a.ts', '../dns/panel.ts', 'features-independent'),
  imports('a service in a widget', 'src/renderer/ui/b.ts', '../../services/dns/contract.ts', 'widgets-are-generic'),
  imports('a second module that opens UDP sockets', 'src/services/dns/f.ts', 'node:dgram', 'datagrams-through-one-door'),
  imports('a simulated disk in a service', 'src/services/dns/g.ts', '../kit/node/testing/sim.ts', 'test-support-in-tests-only'),
  imports('a test in a service', 'src/services/dns/h.ts', './service.test.ts', 'tests-are-leaves'),
  imports('a file that does not exist', 'src/services/dns/i.ts', './nowhere.ts', 'nothing-unresolved'),
  imports('an undeclared package', 'src/services/dns/j.ts', 'undeclared', 'packages-declared'),
  { ...imports('an import cycle', 'src/services/dns/k.ts', './l.ts', 'no-cycles'), beside: { 'src/services/dns/l.ts': `${header}import { planted } from './k.ts'\nexport const z = [planted]\n` } },
  contains('a file that no program imports', 'src/services/dns/m.ts', 'export const dead = 1', 'no-dead-files'),
]

const CORE = 'src/services/dns/core'
/** Violations that the compiler finds, by project. */
const compilerPlants: Record<string, Plant[]> = {
  'tsconfig.pure.json': [
    contains('node:fs in a core', `${CORE}/fs.ts`, 'export { readFileSync } from \'node:fs\'', 'TS2591'),
    contains('setTimeout in a core', `${CORE}/timer.ts`, 'setTimeout(() => undefined, 1)', 'TS2304'),
    contains('process in a core', `${CORE}/process.ts`, 'export const planted = process.pid', 'TS2591'),
    contains('Buffer in a core', `${CORE}/buffer.ts`, 'export const planted = Buffer.alloc(1)', 'TS2591'),
    contains('the DOM in a core', `${CORE}/dom.ts`, 'export const planted = document.title', 'TS2584'),
    contains('TextEncoder in a codec', 'src/services/dns/wire/text.ts', 'export const planted = new TextEncoder()', 'TS2304'),
    contains('console in kit', 'src/services/kit/console.ts', 'console.log(1)', 'TS2584'),
    contains('a timer in a contract', 'src/services/rudp/contract.ts', 'setInterval(() => undefined, 1)', 'TS2304'),
  ],
  'tsconfig.services.json': [
    contains('fetch in a service', 'src/services/dns/fetch.ts', 'void fetch(\'http://192.0.2.1\')', 'TS2304'),
    contains('structuredClone in a service', 'src/services/dns/clone.ts', 'export const planted = structuredClone({})', 'TS2304'),
    contains('toSorted in a service', 'src/services/dns/sorted.ts', 'export const planted = [2, 1].toSorted()', 'TS2550'),
    contains('AbortSignal.any in a service', 'src/services/dns/any.ts', 'export const planted = AbortSignal.any([])', 'TS2339'),
  ],
  'tsconfig.renderer.json': [
    contains('node:fs in the window', 'src/renderer/dns/fs.ts', 'export { readFileSync } from \'node:fs\'', 'TS2591'),
    contains('process in the window', 'src/renderer/dns/process.ts', 'export const planted = process.pid', 'TS2591'),
  ],
}

const linterPlants: Plant[] = [
  contains('Date.now in a core', `${CORE}/now.ts`, 'export const planted = Date.now()', 'no-restricted-properties'),
  contains('Math.random in kit', 'src/services/kit/dice.ts', 'export const planted = Math.random()', 'no-restricted-properties'),
  contains('the current date in a codec', 'src/services/dns/wire/today.ts', 'export const planted = new Date()', 'no-restricted-syntax'),
  contains('fetch in a service', 'src/services/dns/fetch.ts', 'void fetch(\'http://192.0.2.1\')', 'no-restricted-globals'),
  contains('structuredClone in main', 'src/main/a1.ts', 'export const planted = structuredClone({})', 'no-restricted-globals'),
  contains('Blob in main', 'src/main/a2.ts', 'export const planted = new Blob()', 'no-restricted-globals'),
  contains('WebSocket in main', 'src/main/a3.ts', 'export const planted = new WebSocket(\'ws://192.0.2.1\')', 'no-restricted-globals'),
  contains('AbortSignal.any in main', 'src/main/a4.ts', 'export const planted = AbortSignal.any([])', 'no-restricted-properties'),
  contains('toSorted in main', 'src/main/a5.ts', 'export const planted = [2, 1].toSorted()', 'no-restricted-syntax'),
  contains('Array.with in the window', 'src/renderer/dns/with.ts', 'export const planted = [2, 1].with(0, 1)', 'no-restricted-syntax'),
  contains('toReversed in the window', 'src/renderer/dns/reversed.ts', 'export const planted = [2, 1].toReversed()', 'no-restricted-syntax'),
  contains('startViewTransition in the window', 'src/renderer/dns/transition.ts', 'document.startViewTransition(() => undefined)', 'no-restricted-properties'),
  contains('a popover in the window', 'src/renderer/dns/popover.tsx', 'export const planted = <div popover="auto" />', 'no-restricted-syntax'),
  contains('Promise.withResolvers in the window', 'src/renderer/dns/resolvers.ts', 'export const planted = Promise.withResolvers()', 'no-restricted-properties'),
  contains('Object.groupBy in the window', 'src/renderer/dns/group.ts', 'export const planted = Object.groupBy([], String)', 'no-restricted-properties'),
  contains('ipcMain outside ipc.ts', 'src/main/a6.ts', 'import { ipcMain } from \'electron\'\nipcMain.removeAllListeners()', 'no-restricted-imports'),
  contains('node:dgram outside kit/node/udp', 'src/services/dns/datagrams.ts', 'export { createSocket } from \'node:dgram\'', 'no-restricted-imports'),
  contains('node:dgram in kit/node', 'src/services/kit/node/datagrams.ts', 'export { createSocket } from \'node:dgram\'', 'no-restricted-imports'),
  contains('a listening socket outside kit/node', 'src/services/dns/listen.ts', 'import { createServer } from \'node:net\'\nexport const planted = createServer()', 'no-restricted-imports'),
  contains('any', 'src/services/dns/any.ts', 'export const planted = (value: any) => [value]', '@typescript-eslint/no-explicit-any'),
  contains('an empty catch', 'src/services/dns/catch.ts', 'try {\n  JSON.parse(\'\')\n} catch {}', 'no-empty'),
  contains('a non-null assertion', 'src/services/dns/assertion.ts', 'export const planted = [1][0]!', '@typescript-eslint/no-non-null-assertion'),
  contains('an enum', 'src/services/dns/enum.ts', 'export enum Planted { One }', 'no-restricted-syntax'),
  { what: 'an `as` without a reason', path: 'src/services/dns/as.ts', text: `${header}\nexport const planted = JSON.parse('') as string\n`, rule: 'hamlet/reason-for-assertion' },
  contains('a floating promise', 'src/services/dns/floating.ts', 'Promise.reject(new Error())', '@typescript-eslint/no-floating-promises'),
  contains('a switch with a missing case', 'src/services/dns/switch.ts', 'export const planted = (direction: \'in\' | \'out\') => {\n  switch (direction) {\n    case \'in\': return 1\n  }\n  return 0\n}', '@typescript-eslint/switch-exhaustiveness-check'),
  contains('console in a service', 'src/services/dns/console.ts', 'console.log(1)', 'no-console'),
  contains('a file that is imported twice', 'src/services/dns/twice.ts', 'import { decode } from \'./wire/message.ts\'\nimport { decode as again } from \'./wire/message.ts\'\nexport const planted = [decode, again]', 'no-duplicate-imports'),
  contains('a semicolon', 'src/services/dns/semicolon.ts', 'export const planted = 1;', 'semi'),
  contains('a long file', 'src/services/dns/long.ts', `export const planted = 1\n${'// more\n'.repeat(360)}`, 'max-lines'),
  contains('a long function', 'src/services/dns/long-function.ts', `export function planted(): void {\n${'  JSON.parse(\'1\')\n'.repeat(80)}}`, 'max-lines-per-function'),
  { what: 'a skipped test', path: 'src/services/dns/skip.test.ts', text: 'import { test } from \'vitest\'\ntest.skip(\'nothing\', () => undefined)\n', rule: 'no-restricted-properties' },
]

describe.each([
  { checker: 'the import checker', plants: importPlants, check: (tree: PlantedTree) => tree.importChecker() },
  ...Object.entries(compilerPlants).map(([project, plants]) => ({ checker: `the compiler with ${project}`, plants, check: (tree: PlantedTree) => tree.compiler(project) })),
  { checker: 'the linter', plants: linterPlants, check: (tree: PlantedTree) => tree.linter() },
])('$checker', ({ plants, check }) => {
  let tree: PlantedTree
  let found: string[] = []

  beforeAll(async () => {
    tree = new PlantedTree({ ...base, ...Object.assign({}, ...plants.map(({ path, text, beside }) => ({ [path]: text, ...beside }))) })
    found = await check(tree)
  })
  afterAll(() => tree.remove())

  test.each(plants)('finds $what', ({ path, rule }) => {
    expect(found).toContain(`${path}: ${rule}`)
  })

  test('accepts code that obeys the rules', () => {
    expect(found.filter(violation => Object.keys(base).some(path => violation.startsWith(`${path}:`)))).toEqual([])
  })
})
