/**
 * Compiles the batch add-on for UDP (src/services/kit/node/udp/native): a second of the C compiler, where there is one. Without it, and
 * on other systems than Linux, Hamlet goes over node:dgram and says so. No dependencies: npm's postinstall runs this too.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { at, nodeModules, which } from './setup/places.mjs'
import { run } from './setup/run.mjs'
import { say } from './setup/say.mjs'

const SOURCE = at('src/services/kit/node/udp/native')
const HEADERS = join(nodeModules, 'node-api-headers', 'include')
/** What the program that loads it brings is left open: Node-API and libuv. */
const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-fPIC', '-shared', '-fvisibility=hidden', '-DNAPI_VERSION=8']

export const addOnName = `udp-${process.platform}-${process.arch}.node`

/**
 * Compiles what has changed into a folder, .vite/native unless told otherwise. Never fails: what keeps it from compiling is said in one line.
 * @returns whether the add-on lies there, made of these sources
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
    renameSync(aside, join(folder, addOnName)) // a program that has the old one loaded keeps it
    done()
    return true
  } catch (error) {
    say(`The batch add-on for UDP could not be compiled, so datagrams go one by one: ${error.message.split('\n').slice(0, 2).join(' ')}`)
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
