/** Compiles the C programs of the benchmarks into the cache, each once. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import { at, cache } from '../scripts/setup/places.mjs'
import { run } from '../scripts/setup/run.mjs'

const folder = join(cache, 'bench')

/**
 * Compiles a C file, unless it and load.h are unchanged since the last time.
 * @param {string} source the file
 * @returns the program's path
 */
export async function compile(source) {
  const hash = [source, at('bench/load.h')].reduce((sum, file) => sum.update(readFileSync(file)), createHash('sha256')).digest('hex')
  const program = join(folder, `${basename(source, '.c')}-${hash.slice(0, 12)}`)
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  const aside = `${program}-${process.pid}`
  await run('cc', ['-O2', '-Wall', '-Wextra', '-o', aside, source])
  renameSync(aside, program)
  return program
}
