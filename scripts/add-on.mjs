/**
 * Compiles the batch add-on for UDP (src/services/kit/node/udp/native), which takes about a second. Without a C compiler, and on systems
 * other than Linux, Hamlet uses node:dgram and says so. No dependencies, because npm's postinstall runs this, too.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { at, nodeModules, which } from './setup/places.mjs'
import { run } from './setup/run.mjs'
import { say } from './setup/say.mjs'

const SOURCE = at('src/services/kit/node/udp/native')
const HEADERS = join(nodeModules, 'node-api-headers', 'include')
/** Symbols of Node-API and libuv stay undefined; the program that loads the add-on provides them. */
const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-fPIC', '-shared', '-fvisibility=hidden', '-DNAPI_VERSION=8']

export const addOnName = `udp-${process.platform}-${process.arch}.node`

/**
 * Compiles the add-on into a folder, by default .vite/native, if its sources have changed. Never fails: a compile error is reported in one line.
 * @returns whether an up-to-date add-on is in the folder
 */
export async function ensureAddOn(folder = at('.vite', 'native')) {
  if (process.platform !== 'linux' || !existsSync(SOURCE) || !existsSync(HEADERS)) return false
  const stampFile = join(folder, `${addOnName}.stamp`)
  const stamp = fingerprint()
  if (existsSync(join(folder, addOnName)) && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return true
  const compiler = which('cc')
  return compiler !== undefined && await compile(compiler, folder, () => writeFileSync(stampFile, stamp))
}

async function compile(compiler, folder, done) {
  const sources = readdirSync(SOURCE).filter(name => name.endsWith('.c')).map(name => join(SOURCE, name))
  const aside = join(folder, `${addOnName}.${process.pid}`)
  mkdirSync(folder, { recursive: true })
  try {
    await run(compiler, [...FLAGS, '-I', HEADERS, ...sources, '-o', aside])
    renameSync(aside, join(folder, addOnName)) // a program that has loaded the old one keeps it
    done()
    return true
  } catch (error) {
    say(`The batch add-on for UDP could not be compiled, so UDP uses node:dgram, one datagram at a time: ${error.message.split('\n').slice(0, 2).join(' ')}`)
    return false
  } finally {
    rmSync(aside, { force: true })
  }
}

function fingerprint() {
  const hash = createHash('sha256').update(FLAGS.join(' '))
  for (const name of readdirSync(SOURCE).sort()) hash.update(name).update(readFileSync(join(SOURCE, name)))
  return hash.digest('hex')
}
