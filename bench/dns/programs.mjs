/** Programs that the benchmark builds: the two C programs in this folder, and CoreDNS, which has no Debian package. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cache, which } from '../../scripts/setup/places.mjs'
import { run } from '../../scripts/setup/run.mjs'
import { compile as compileFile } from '../compile.mjs'

const COREDNS_VERSION = '1.15.0'
const folder = join(cache, 'bench')

/** Compiles a C file of this folder, unless it is already compiled. @returns the program's path */
export const compile = name => compileFile(join(import.meta.dirname, `${name}.c`))

/**
 * Builds CoreDNS with Go into the cache, which takes minutes the first time.
 * @returns its path; undefined if that is not possible
 */
export async function coredns() {
  const place = join(folder, `coredns-${COREDNS_VERSION}`)
  const program = join(place, 'coredns')
  const go = which('go') ?? ['/usr/local/go/bin/go'].find(existsSync)
  if (existsSync(program) || go === undefined) return existsSync(program) ? program : undefined
  const built = run(go, ['install', `github.com/coredns/coredns@v${COREDNS_VERSION}`], { title: `Building CoreDNS ${COREDNS_VERSION}`, env: { ...process.env, GOBIN: place } })
  return built.then(() => program, () => undefined)
}
