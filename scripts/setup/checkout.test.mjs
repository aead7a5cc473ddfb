/** Tests the setup on a small made-up checkout: these scripts beside a dummy package.json. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { at } from './places.mjs'

const folders = []
after(() => { for (const folder of folders) rmSync(folder, { recursive: true, force: true }) })

/** A checkout with one package that npm says it installed. */
function checkout() {
  const root = mkdtempSync(join(tmpdir(), 'hamlet-checkout-'))
  folders.push(root)
  cpSync(at('scripts'), join(root, 'scripts'), { recursive: true })
  write(root, 'package-lock.json', '{"packages":{}}')
  write(root, 'node_modules/.package-lock.json', JSON.stringify({ packages: { 'node_modules/left': {} } }))
  write(root, 'node_modules/left/package.json', '{}')
  write(root, 'node_modules/electron/package.json', '{"version":"45.4.1"}')
  return root
}

function write(root, path, text) {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), text)
}

const load = (root, module) => import(pathToFileURL(join(root, 'scripts', module)).href)

test('npm packages are ready only with the final stamp, for this lock file, and complete', async () => {
  const root = checkout()
  const { nodePackagesReady } = await load(root, 'setup/node-packages.mjs')
  assert.equal(nodePackagesReady(), false, 'interrupted before the stamp was written')
  assert.equal(spawnSync(process.execPath, [join(root, 'scripts/setup/stamp-packages.mjs')]).status, 0)
  assert.equal(nodePackagesReady(), true)
  rmSync(join(root, 'node_modules/left'), { recursive: true })
  assert.equal(nodePackagesReady(), false, 'a package is missing')
  write(root, 'node_modules/left/package.json', '{}')
  assert.equal(nodePackagesReady(), true)
  write(root, 'package-lock.json', '{"packages":{"node_modules/right":{}}}')
  assert.equal(nodePackagesReady(), false, 'the lock file has changed')
})

test('a runtime is accepted only if every file has its size, and an official one only in the pinned version', { skip: process.platform === 'win32' }, async () => {
  const root = checkout()
  const { currentRuntime, describe } = await load(root, 'setup/electron-runtime.mjs')
  const hookIn = kind => {
    const folder = `.cache/electron/${kind}-x`
    write(root, `${folder}/electron`, 'executable')
    write(root, `${folder}/runtime.json`, JSON.stringify({ kind, version: '22.3.25', files: { electron: 10 } }))
    rmSync(join(root, 'node_modules/electron/dist'), { force: true })
    symlinkSync(join(root, folder), join(root, 'node_modules/electron/dist'))
    write(root, 'node_modules/electron/path.txt', process.platform === 'darwin' ? 'Electron.app/Contents/MacOS/Electron' : 'electron')
    return join(root, folder)
  }
  assert.equal(currentRuntime(), undefined)
  const folder = hookIn('test')
  assert.equal(describe(currentRuntime()), 'Electron 22.3.25 (test runtime, do not distribute)')
  truncateSync(join(folder, 'electron'), 4)
  assert.equal(currentRuntime(), undefined, 'a truncated file')
  hookIn('official')
  assert.equal(currentRuntime(), undefined, 'not the pinned version')
})

test('a bundle is stale when a source was changed, added or removed; test files do not matter', async () => {
  const root = checkout()
  const { isFresh } = await load(root, 'build.mjs')
  for (const file of ['src/services/a.ts', 'vite.cli.config.ts', 'package.json']) write(root, file, '')
  // A fake Vite that writes a bundle: this tests when it is called and what is kept.
  write(root, 'node_modules/vite/bin/vite.js', `const fs = require('fs'); const out = process.argv[process.argv.indexOf('--outDir') + 1]
    fs.mkdirSync(out, { recursive: true }); fs.writeFileSync(out + '/hamlet.cjs', 'process.exitCode = 7')`)
  const build = () => spawnSync(process.execPath, [join(root, 'scripts/build.mjs'), 'cli'], { encoding: 'utf8' })
  const becomesStale = (what, change) => {
    assert.equal(build().status, 0, build().stderr)
    assert.equal(isFresh('cli'), true)
    change()
    assert.equal(isFresh('cli'), what === 'a test', what)
  }
  assert.equal(isFresh('cli'), false)
  becomesStale('changed', () => write(root, 'src/services/a.ts', 'more'))
  becomesStale('added', () => write(root, 'src/services/b.ts', ''))
  becomesStale('removed', () => rmSync(join(root, 'src/services/b.ts')))
  becomesStale('a test', () => write(root, 'src/services/a.test.ts', ''))
  becomesStale('bundle gone', () => rmSync(join(root, '.vite/build/hamlet.cjs')))
})

test('npx hamlet builds what is stale, reports it only on stderr, and exits with the status of the command line', () => {
  const root = checkout()
  for (const file of ['src/services/a.ts', 'vite.cli.config.ts', 'package.json']) write(root, file, file === 'package.json' ? '{"type":"module"}' : '')
  write(root, 'node_modules/vite/bin/package.json', '{"type":"commonjs"}')
  write(root, 'node_modules/vite/bin/vite.js', `const fs = require('fs'); const out = process.argv[process.argv.indexOf('--outDir') + 1]
    fs.mkdirSync(out, { recursive: true }); fs.writeFileSync(out + '/hamlet.cjs', 'console.log(process.argv.slice(2).join()); process.exitCode = 7')`)
  const hamlet = () => spawnSync(process.execPath, [join(root, 'scripts/hamlet.cjs'), 'a', 'b'], { encoding: 'utf8' })
  assert.match(hamlet().stderr, /npm run setup/, 'without packages it names the remedy')
  assert.equal(hamlet().status, 1)
  assert.equal(spawnSync(process.execPath, [join(root, 'scripts/setup/stamp-packages.mjs')]).status, 0)
  const first = hamlet()
  assert.deepEqual({ status: first.status, stdout: first.stdout }, { status: 7, stdout: 'a,b\n' })
  assert.match(first.stderr, /building/)
  assert.deepEqual({ ...pick(hamlet()) }, { status: 7, stdout: 'a,b\n', stderr: '' }, 'the second run prints nothing')
})

const pick = ({ status, stdout, stderr }) => ({ status, stdout, stderr })

test('a second setup waits for the first, and continues once that is killed', async () => {
  const lock = pathToFileURL(at('scripts/setup/lock.mjs')).href
  const name = `test ${process.pid} ${Date.now()}`
  const holder = work => spawn(process.execPath, ['--input-type=module', '-e', `
    const { withLock } = await import(${JSON.stringify(lock)})
    await withLock(async () => { console.log('in'); ${work} }, ${JSON.stringify(name)})`], { stdio: ['ignore', 'pipe', 'pipe'] })
  const first = holder('await new Promise(resolve => setTimeout(resolve, 600_000))')
  await once(first.stdout, 'data')
  const second = holder('')
  let entered = false
  second.stdout.once('data', () => { entered = true })
  await once(second.stderr, 'data') // it reports that it waits
  assert.equal(entered, false)
  first.kill('SIGKILL')
  const [status] = await once(second, 'exit')
  assert.equal(status, 0)
  assert.equal(entered, true)
})

test('a tool dies with the setup that started it, even if that is killed', { skip: process.platform !== 'linux' }, async () => {
  const module = pathToFileURL(at('scripts/setup/run.mjs')).href
  const parent = spawn(process.execPath, ['--input-type=module', '-e', `
    const { run } = await import(${JSON.stringify(module)})
    await run(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); console.log(process.pid); setInterval(() => {}, 1000)'], { onStdout: text => process.stdout.write(text) })`], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [pid] = await once(parent.stdout.setEncoding('utf8'), 'data')
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  const isAlive = () => existsSync(`/proc/${pid.trim()}/stat`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid.trim()}/stat`, 'utf8'))
  const untilMs = Date.now() + 10_000
  while (isAlive() && Date.now() < untilMs) await new Promise(resolve => setImmediate(resolve))
  assert.equal(isAlive(), false)
})
