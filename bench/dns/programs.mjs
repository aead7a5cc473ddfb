/** Programs that the bench makes itself: the two C programs beside this file, and CoreDNS, which no Debian package brings. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { cache, which } from '../../scripts/setup/places.mjs'
import { run } from '../../scripts/setup/run.mjs'

const COREDNS_VERSION = '1.15.0'
const folder = join(cache, 'bench')

/** Compiles a C file of this folder, unless that was done before. @returns the program's path */
export async function compile(name) {
  const source = join(import.meta.dirname, `${name}.c`)
  const program = join(folder, `${name}-${createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12)}`)
  if (existsSync(program)) return program
  mkdirSync(folder, { recursive: true })
  const aside = `${program}-${process.pid}`
  await run('cc', ['-O2', '-Wall', '-Wextra', '-o', aside, source])
  renameSync(aside, program)
  return program
}

/** CoreDNS, built with Go into the cache the first time, which takes minutes. @returns its path, undefined where it cannot be had */
export async function coredns() {
  const place = join(folder, `coredns-${COREDNS_VERSION}`)
  const program = join(place, 'coredns')
  const go = which('go') ?? ['/usr/local/go/bin/go'].find(existsSync)
  if (existsSync(program) || go === undefined) return existsSync(program) ? program : undefined
  const built = run(go, ['install', `github.com/coredns/coredns@v${COREDNS_VERSION}`], { title: `Building CoreDNS ${COREDNS_VERSION}`, env: { ...process.env, GOBIN: place } })
  return built.then(() => program, () => undefined)
}
