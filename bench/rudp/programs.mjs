/** Programs that the benchmark compiles itself: the link emulator, in C, and the peers written in Go. Both are kept in .cache/bench. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { cache, which } from '../../scripts/setup/places.mjs'
import { run } from '../../scripts/setup/run.mjs'

const folder = join(cache, 'bench')

/** @returns the path of the emulator */
export function compileLink() {
  const source = join(import.meta.dirname, 'link')
  const sources = filesOf(source).filter(file => file.endsWith('.c'))
  return make('link', source, aside => run('cc', ['-O2', '-Wall', '-Wextra', '-o', aside, ...sources, '-lm']))
}

/** @returns the path of the program that contains quic-go and kcp-go; undefined without Go or its modules */
export function buildGoPeers() {
  const go = which('go') ?? ['/usr/local/go/bin/go'].find(existsSync)
  if (go === undefined) return undefined
  const source = join(import.meta.dirname, 'go')
  const title = 'Building quic-go and kcp-go'
  return make('rudp-peers', source, aside => run(go, ['build', '-o', aside, '.'], { cwd: source, title })).catch(() => undefined)
}

/** The version that a Go peer is pinned to, such as `0.65.0`. */
export function versionOfGoModule(name) {
  const modules = readFileSync(join(import.meta.dirname, 'go', 'go.mod'), 'utf8')
  return modules.split('\n').find(line => line.includes(`/${name}`))?.split(' v').at(-1) ?? ''
}

/** Builds a program under a temporary name and moves it into place, unless these sources were built before. */
async function make(name, source, build) {
  const hash = createHash('sha256')
  for (const file of filesOf(source)) hash.update(readFileSync(file))
  const program = join(folder, `${name}-${hash.digest('hex').slice(0, 12)}`)
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  const aside = `${program}-${process.pid}`
  await build(aside)
  renameSync(aside, program)
  return program
}

const filesOf = source => readdirSync(source).sort().map(file => join(source, file))
