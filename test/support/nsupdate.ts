/** Runs BIND's nsupdate. */
import { spawnSync } from 'node:child_process'

/** Sends the update in `lines` to a server on this machine. @returns `NOERROR`, or what nsupdate prints */
export function nsupdate(port: number, lines: readonly string[], ...flags: string[]): string {
  return nsupdateIn(undefined, '127.0.0.1', port, lines, ...flags)
}

/** The same, from a network namespace. */
export function nsupdateIn(namespace: string | undefined, server: string, port: number, lines: readonly string[], ...flags: string[]): string {
  const input = [`server ${server} ${port}`, 'zone home', ...lines, 'send', ''].join('\n')
  const [file = '', ...args] = namespace === undefined ? ['nsupdate', ...flags] : ['ip', 'netns', 'exec', namespace, 'nsupdate', ...flags]
  const { status, stderr, stdout, error } = spawnSync(file, args, { input, encoding: 'utf8', timeout: 30_000 })
  if (error !== undefined) throw error
  return status === 0 ? 'NOERROR' : `${stdout}${stderr}`.trim()
}
