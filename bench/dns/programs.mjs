/** Programs that the bench makes itself: the two C programs beside this file, and CoreDNS, which no Debian package brings. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cache, which } from '../../scripts/setup/places.mjs'
import { run } from '../../scripts/setup/run.mjs'
import { compile as compileFile } from '../compile.mjs'

const COREDNS_VERSION = '1.15.0'
const folder = join(cache, 'bench')

/** Compiles a C file of this folder, unless that was done before. @returns the program's path */
export const compile = name => compileFile(join(import.meta.dirname, `${name}.c`))

/** CoreDNS, built with Go into the cache the first time, which takes minutes. @returns its path, undefined where it cannot be had */
export async function coredns() {
  const place = join(folder, `coredns-${COREDNS_VERSION}`)
  const program = join(place, 'coredns')
  const go = which('go') ?? ['/usr/local/go/bin/go'].find(existsSync)
  if (existsSync(program) || go === undefined) return existsSync(program) ? program : undefined
  const built = run(go, ['install', `github.com/coredns/coredns@v${COREDNS_VERSION}`], { title: `Building CoreDNS ${COREDNS_VERSION}`, env: { ...process.env, GOBIN: place } })
  return built.then(() => program, () => undefined)
}
