/**
 * Bundles with Vite, but only what has changed: `node scripts/build.mjs [cli|main|preload|renderer]…`, all by default. Also compiles the
 * batch add-on for UDP, which the services load.
 * A target is fresh if its stamp matches the files (path, size, time) that it was built from. Bundles are built in a temporary folder and
 * moved into place, so that a program starting meanwhile never reads half a file; the stamp is written last.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureAddOn } from './add-on.mjs'
import { at, nodeBinary, root } from './setup/places.mjs'
import { run } from './setup/run.mjs'
import { fail, SetupError } from './setup/say.mjs'

const TARGETS = {
  cli: { sources: ['src/services'], result: '.vite/build/hamlet.cjs' },
  main: { sources: ['src/main', 'src/services', 'src/preload'], result: '.vite/build/main.cjs' },
  preload: { sources: ['src/preload', 'src/services'], result: '.vite/build/preload.cjs' },
  renderer: { sources: ['src/renderer', 'src/preload', 'src/services', 'index.html'], result: '.vite/renderer/main_window/index.html' },
}

/** Builds the targets that are not fresh. @returns their names */
export async function build(names = Object.keys(TARGETS)) {
  const stale = names.filter(name => !isFresh(name))
  await Promise.all([ensureAddOn(), ...stale.map(name => buildTarget(name))])
  return stale
}

export function isFresh(name) {
  return existsSync(at(TARGETS[name].result)) && existsSync(stampFile(name)) && readFileSync(stampFile(name), 'utf8') === fingerprint(name)
}

async function buildTarget(name) {
  const made = fingerprint(name) // taken before the build: a file saved during the build makes it stale again
  const aside = at('.vite', `${name}-${process.pid}`)
  try {
    const vite = [at('node_modules/vite/bin/vite.js'), 'build', '--config', at(`vite.${name}.config.ts`), '--outDir', aside, '--logLevel', 'warn']
    await run(nodeBinary(), vite, { cwd: root, inherit: 'stderr' })
    const place = dirname(at(TARGETS[name].result))
    mkdirSync(place, { recursive: true })
    if (name === 'renderer') replaceFolder(aside, place)
    else for (const file of readdirSync(aside)) renameSync(join(aside, file), join(place, file))
    mkdirSync(dirname(stampFile(name)), { recursive: true })
    writeFileSync(stampFile(name), made)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

function replaceFolder(from, to) {
  rmSync(to, { recursive: true, force: true })
  renameSync(from, to)
}

const stampFile = name => at('.vite', 'stamps', name)

function fingerprint(name) {
  const hash = createHash('sha256')
  for (const source of [...TARGETS[name].sources, `vite.${name}.config.ts`, 'package.json', 'package-lock.json']) {
    for (const file of filesUnder(source)) {
      const { size, mtimeMs } = statSync(at(file))
      hash.update(`${file} ${size} ${mtimeMs}\n`)
    }
  }
  return hash.digest('hex')
}

/** The files under a source path except tests, in a fixed order. */
function filesUnder(source) {
  if (!existsSync(at(source))) throw new SetupError(`${source} is missing: this checkout is incomplete`)
  if (!statSync(at(source)).isDirectory()) return [source]
  const names = readdirSync(at(source), { recursive: true }).map(name => join(source, name))
  return names.filter(name => !/\.test\.tsx?$/.test(name) && statSync(at(name)).isFile()).sort()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = process.argv.slice(2)
  const unknown = asked.find(name => !(name in TARGETS))
  if (unknown !== undefined) fail(new SetupError(`"${unknown}" is not one of ${Object.keys(TARGETS).join(', ')}`))
  await build(asked.length > 0 ? asked : undefined).catch(fail)
}
