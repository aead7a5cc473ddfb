/** `npm run make`: builds a .deb and a .zip of the app under out/make. If they contain the test runtime, their names say so. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { at, cache, nodeBinary, readJson, root } from './setup/places.mjs'
import { prepare } from './setup/prepare.mjs'
import { run } from './setup/run.mjs'
import { fail, megabytes, say } from './setup/say.mjs'

try {
  await make()
} catch (error) {
  fail(error)
}

async function make() {
  process.umask(0o022) // determines the file modes inside the packages
  const runtime = await prepare('make')
  if (runtime.kind === 'test') {
    say('These packages contain the test runtime: their names include "test-runtime". Do not distribute them.')
    await zipRuntime(runtime.folder)
  }
  rmSync(at('out', 'make'), { recursive: true, force: true })
  await run(nodeBinary(), [at('node_modules/@electron-forge/cli/dist/electron-forge.js'), 'make'], { cwd: root, title: 'Making packages' })
  const made = readdirSync(at('out', 'make'), { recursive: true }).map(name => at('out', 'make', name)).filter(path => statSync(path).isFile())
  for (const file of made) process.stdout.write(`${file} (${megabytes(statSync(file).size)})\n`)
}

/** Forge takes Electron from a zip named after the pinned version. */
async function zipRuntime(folder) {
  const zips = join(cache, 'electron-zip')
  const file = join(zips, `electron-v${readJson(at('node_modules/electron/package.json')).version}-${process.platform}-${process.arch}.zip`)
  if (existsSync(file) && statSync(file).mtimeMs > statSync(join(folder, 'runtime.json')).mtimeMs) return
  mkdirSync(zips, { recursive: true })
  const landing = `${file}.${process.pid}.zip`
  await run('zip', ['-q', '-r', '-1', landing, '.', '-x', 'runtime.json'], { cwd: folder, title: 'Packing the Electron runtime' })
  renameSync(landing, file)
}
