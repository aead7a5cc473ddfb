/** BIND's nsupdate, as a person uses it. */
import { spawnSync } from 'node:child_process'

/** Sends the update that the lines describe. @returns `NOERROR`, or what nsupdate says about it */
export function nsupdate(port: number, lines: readonly string[], ...flags: string[]): string {
  const input = [`server 127.0.0.1 ${port}`, 'zone home', ...lines, 'send', ''].join('\n')
  const { status, stderr, stdout, error } = spawnSync('nsupdate', flags, { input, encoding: 'utf8', timeout: 30_000 })
  if (error !== undefined) throw error
  return status === 0 ? 'NOERROR' : `${stdout}${stderr}`.trim()
}
