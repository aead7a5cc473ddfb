/** The runners of `npm test`, fast ones first. Each runs in the user's terminal and returns its counts. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { at, nodeBinary, root } from '../setup/places.mjs'
import { startVirtualDisplay } from '../setup/display.mjs'
import { runInForeground } from '../setup/run.mjs'
import { sandboxWorks } from '../setup/sandbox.mjs'
import { say } from '../setup/say.mjs'
import { countNodeTest, countStatus, countVitest } from './count.mjs'
import { asNobody, isRoot, shadowCheckout } from './ordinary-user.mjs'

const LIMIT_MS = 10 * 60_000 // for one runner; one that hangs has failed
const results = at('test-results')

/** @type {readonly { name: string, run: () => Promise<import('./count.mjs').Counts> }[]} */
export const runners = [
  packageScript('lint'),
  packageScript('check:types'),
  packageScript('check:imports'),
  vitest('unit'),
  vitest('repository'),
  nodeTest('scripts', /\.test\.mjs$/, 'scripts'),
  vitest('sockets'),
  { name: 'build', run: async () => countStatus(await node([at('scripts/build.mjs')])) },
  { name: 'notices', run: async () => countStatus(await node([at('scripts/notices.mjs'), '--check'])) },
  vitest('cli'),
  vitest('interop'),
  vitest('fault'),
  { name: 'e2e', run: endToEnd },
  { name: 'packages', run: makeAndCheck },
]

/** These run the built bundles. */
const BUILT = ['cli', 'interop', 'fault', 'e2e']

/** The runners with these names, or all, in the usual order; preceded by the build if one needs it, which is quick when nothing has changed. */
export function chosen(names) {
  const asked = names.some(name => BUILT.includes(name)) ? ['build', ...names] : names
  return runners.filter(({ name }) => names.length === 0 || asked.includes(name))
}

/** A script of package.json without individual tests: one passed or one failed. */
function packageScript(name) {
  const shell = process.platform === 'win32'
  return { name, run: async () => countStatus(await runInForeground('npm', ['run', '--silent', name], { cwd: root, timeout: LIMIT_MS, shell })) }
}

function vitest(project) {
  return { name: project, run: async () => {
    const report = freshReport(`${project}.json`)
    return countVitest(report, await node(vitestArgs(project, report)))
  } }
}

const vitestArgs = (project, report) => [
  at('node_modules/vitest/vitest.mjs'), 'run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`,
]

/** The tests of these scripts use Node's own test runner, because they must run before anything is installed. */
function nodeTest(name, pattern, folder) {
  return { name, run: async () => {
    const report = freshReport(`${name}.tap`)
    const files = readdirSync(at(folder), { recursive: true }).filter(file => pattern.test(basename(file))).map(file => at(folder, file)).sort()
    const reporters = ['--test-reporter=spec', '--test-reporter-destination=stdout', '--test-reporter=tap', `--test-reporter-destination=${report}`]
    const ended = await node(['--test', ...reporters, ...files])
    return countNodeTest(existsSync(report) ? readFileSync(report, 'utf8') : '', ended)
  } }
}

/** Tests the window on a virtual display, as an ordinary user with Chromium's sandbox on; HAMLET_SANDBOX tells the tests whether it is. */
async function endToEnd() {
  const display = await startVirtualDisplay()
  const shadow = isRoot() ? await shadowCheckout() : undefined
  try {
    const report = freshReport('e2e.json')
    const sandbox = await sandboxWorks(isRoot() ? asNobody : undefined)
    if (!sandbox) say('This system does not allow user namespaces: the window is tested without Chromium\'s sandbox.')
    const environment = { ...process.env, DISPLAY: display.name, HAMLET_SANDBOX: sandbox ? 'on' : 'off' }
    if (shadow === undefined) return countVitest(report, await node(vitestArgs('e2e', report), { env: environment }))
    const args = vitestArgs('e2e', report).map(arg => arg.replace(root, `${shadow.folder}/`))
    const [command, asNobodyArgs] = asNobody(join(shadow.folder, 'node_modules/node/bin/node'), args)
    const ended = await runInForeground(command, asNobodyArgs, { cwd: shadow.folder, env: { ...environment, ...shadow.environment }, timeout: LIMIT_MS })
    shadow.remove()
    return countVitest(report, ended, shadow.folder)
  } finally {
    shadow?.remove()
    display.end()
  }
}

async function makeAndCheck() {
  const made = countStatus(await node([at('scripts/make.mjs')]))
  return made.failed > 0 ? made : nodeTest('packages', /\.check\.mjs$/, 'scripts/package').run()
}

const node = (args, options = {}) => runInForeground(nodeBinary(), args, { cwd: root, timeout: LIMIT_MS, ...options })

/** The path of a runner's report. Removes an older one, so that it cannot be mistaken for this run's. */
function freshReport(name) {
  mkdirSync(results, { recursive: true })
  rmSync(join(results, name), { force: true })
  return join(results, name)
}
