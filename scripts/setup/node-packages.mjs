/**
 * The npm packages. They are ready when the stamp matches this package-lock.json, and every package that npm says it installed is there.
 * The stamp is written last, by package.json's postinstall, so an interrupted `npm ci` (ours or a manual one) leaves none.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { at, nodeModules, readJson, root } from './places.mjs'
import { run } from './run.mjs'

const stampFile = join(nodeModules, '.hamlet-packages')

function expectedStamp() {
  const lock = createHash('sha256').update(readFileSync(at('package-lock.json'))).digest('hex')
  return `${lock} ${process.platform}-${process.arch}\n`
}

export const writePackagesStamp = () => writeFileSync(stampFile, expectedStamp())

export function nodePackagesReady() {
  if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== expectedStamp()) return false
  const installed = join(nodeModules, '.package-lock.json') // npm's own list of what it installed
  if (!existsSync(installed)) return false
  return Object.entries(readJson(installed).packages).every(([path, { link }]) => link === true || existsSync(at(path, 'package.json')))
}

export async function installNodePackages() {
  rmSync(stampFile, { force: true })
  const npm = npmCommand()
  await run(npm.command, [...npm.args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: root, title: 'Installing npm packages', shell: npm.shell })
  // With "ignore-scripts" npm skips the postinstall; a successful exit means the same.
  writePackagesStamp()
}

/** The npm that runs this script, else the one on the PATH. */
function npmCommand() {
  const script = process.env.npm_execpath
  if (script !== undefined && basename(script) === 'npm-cli.js') {
    return { command: process.env.npm_node_execpath ?? process.execPath, args: [script], shell: false }
  }
  return { command: 'npm', args: [], shell: process.platform === 'win32' }
}
