/**
 * Downloads the official Electron runtime with Electron's own tool and unpacks it into a folder. It is a separate program because that
 * tool needs a newer Node than the setup may be running on. Prints "<bytes so far> <total bytes>" lines. Usage: node official-electron.mjs FOLDER
 */
import { createRequire } from 'node:module'
import { writeSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { at, readJson } from './places.mjs'

const FIRST_BYTE_MS = 10_000
const STALL_MS = 20_000

const fromElectron = createRequire(at('node_modules', 'electron', 'package.json'))
const load = name => import(pathToFileURL(fromElectron.resolve(name)).href)
const folder = process.argv[2]
const { version } = readJson(at('node_modules', 'electron', 'package.json'))

const stalled = new AbortController()
let guard = setTimeout(() => stalled.abort(new Error(`no answer within ${FIRST_BYTE_MS / 1000} s`)), FIRST_BYTE_MS)
let lastReported = 0
function onProgress({ transferred, total }) {
  clearTimeout(guard)
  guard = setTimeout(() => stalled.abort(new Error(`the download stalled for ${STALL_MS / 1000} s`)), STALL_MS)
  if (transferred - lastReported < 1e6) return
  lastReported = transferred
  writeSync(1, `${transferred} ${total ?? 0}\n`)
}

try {
  const { downloadArtifact } = await load('@electron/get')
  const zip = await downloadArtifact({
    version,
    artifactName: 'electron',
    checksums: process.env.electron_use_remote_checksums ? undefined : readJson(at('node_modules', 'electron', 'checksums.json')),
    downloadOptions: { quiet: true, signal: stalled.signal, getProgressCallback: async progress => onProgress(progress) },
  })
  clearTimeout(guard)
  const { extract } = await load('@electron-internal/extract-zip')
  await extract(zip, { dir: folder })
  process.exit(0)
} catch (error) {
  // One line, without addresses: only the reason helps.
  const reason = error?.cause?.code ?? error?.cause?.message ?? stalled.signal.reason?.message ?? error?.message ?? String(error)
  console.error(String(reason).split('\n')[0])
  process.exit(1)
}
