/** Compiles the C programs of the benches into the cache, each once. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { basename, join } from 'node:path'
import { cache } from '../scripts/setup/places.mjs'
import { run } from '../scripts/setup/run.mjs'

const folder = join(cache, 'bench')

/**
 * Compiles a C file, unless that was done before.
 * @param {string} source the file
 * @returns the program's path
 */
export async function compile(source) {
  const program = join(folder, `${basename(source, '.c')}-${createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12)}`)
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  const aside = `${program}-${process.pid}`
  await run('cc', ['-O2', '-Wall', '-Wextra', '-o', aside, source])
  renameSync(aside, program)
  return program
}
