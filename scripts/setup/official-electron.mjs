/**
 * Downloads the official Electron runtime with Electron's own tool and unpacks it into a folder. A program of its own, because that
 * tool wants a newer Node than set-up may run on. Prints "<bytes so far> <bytes in all>" lines. Usage: node official-electron.mjs FOLDER
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
let lastTold = 0
function onProgress({ transferred, total }) {
  clearTimeout(guard)
  guard = setTimeout(() => stalled.abort(new Error(`nothing more came for ${STALL_MS / 1000} s`)), STALL_MS)
  if (transferred - lastTold < 1e6) return
  lastTold = transferred
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
  // One line, without addresses: the reason is what helps.
  const reason = error?.cause?.code ?? error?.cause?.message ?? stalled.signal.reason?.message ?? error?.message ?? String(error)
  console.error(String(reason).split('\n')[0])
  process.exit(1)
}
