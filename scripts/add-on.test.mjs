/** Tests compiling the add-on with made-up sources in a made-up checkout, and that its real sources compile without a warning. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { at, which } from './setup/places.mjs'

const folders = []
after(() => { for (const folder of folders) rmSync(folder, { recursive: true, force: true }) })

const temporaryFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'hamlet-add-on-'))
  folders.push(folder)
  return folder
}

const linux = { skip: process.platform !== 'linux' || which('cc') === undefined }

/** A checkout with only these scripts, and `sources` for the add-on. */
function checkout(sources) {
  const root = temporaryFolder()
  cpSync(at('scripts'), join(root, 'scripts'), { recursive: true })
  mkdirSync(join(root, 'node_modules/node-api-headers/include'), { recursive: true })
  writeFileSync(join(root, 'package-lock.json'), '{"packages":{}}')
  const folder = join(root, 'src/services/kit/node/udp/native')
  mkdirSync(folder, { recursive: true })
  const write = (name, text) => writeFileSync(join(folder, name), text)
  for (const [name, text] of Object.entries(sources)) write(name, text)
  const script = `const { ensureAddOn } = await import(${JSON.stringify(pathToFileURL(join(root, 'scripts/add-on.mjs')).href)}); console.log(await ensureAddOn())`
  const ensure = environment => spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env: { ...process.env, ...environment } })
  const made = () => readdirSync(join(root, '.vite/native')).filter(name => name.endsWith('.node')).map(name => readFileSync(join(root, '.vite/native', name)).toString('base64'))
  return { root, write, ensure, made }
}

test('the sources are compiled once, and again when one was changed or added', linux, () => {
  const { write, ensure, made } = checkout({ 'a.c': '#include "a.h"\nint a(void) { return A; }', 'a.h': '#define A 1' })
  const seen = new Set()
  for (const change of [() => undefined, () => write('a.h', '#define A 2'), () => write('b.c', 'int b = 3;')]) {
    change()
    assert.deepEqual(ensure().stdout, 'true\n')
    assert.equal(made().length, 1)
    assert.ok(!seen.has(made()[0]))
    seen.add(made()[0])
  }
  assert.equal(ensure({ PATH: '/nowhere' }).stdout, 'true\n', 'no compiler is needed without changes')
})

test('a compile error is reported in one line, and npm\'s postinstall still succeeds', linux, () => {
  const { root, ensure } = checkout({ 'a.c': 'int a(void) { return nonsense; }' })
  const { stdout, stderr } = ensure()
  assert.equal(stdout, 'false\n')
  assert.match(stderr, /^The batch add-on for UDP could not be compiled, so UDP uses node:dgram, one datagram at a time: [^\n]*\n$/)
  const postinstall = spawnSync(process.execPath, [join(root, 'scripts/setup/stamp-packages.mjs')], { encoding: 'utf8' })
  assert.equal(postinstall.status, 0, postinstall.stderr)
  assert.ok(existsSync(join(root, 'node_modules/.hamlet-packages')))
  assert.deepEqual(readdirSync(join(root, '.vite/native')), [], 'no partial result is left')
})

test('the real sources compile without a warning', linux, () => {
  const source = at('src/services/kit/node/udp/native')
  const files = readdirSync(source).filter(name => name.endsWith('.c')).map(name => join(source, name))
  const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Wshadow', '-Wvla', '-Werror', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-I', at('node_modules/node-api-headers/include')]
  const { status, stderr } = spawnSync('cc', [...flags, ...files, '-o', join(temporaryFolder(), 'add-on.node')], { encoding: 'utf8' })
  assert.equal(status, 0, stderr)
})
