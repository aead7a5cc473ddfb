/**
 * A virtual link for each server: one end in the server's namespace, the other in the loader's. Needs root. Everything
 * is removed at the end.
 */
import { execFileSync } from 'node:child_process'

const LOADER = `hambench${process.pid}`
const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
const made = []

/** Runs argv in a namespace. */
export const inNamespace = (namespace, argv) => ['ip', 'netns', 'exec', namespace, ...argv]

export const loaderNamespace = LOADER

export function openLoader() {
  ip('netns', 'add', LOADER)
  made.push(LOADER)
}

/**
 * @param {number} number of the server, from 0
 * @returns the server's namespace and the addresses of both ends. The subnet is a /14, and nearly all of it is the
 *   pool, which is as large as Hamlet allows.
 */
export function openLink(number) {
  const namespace = `${LOADER}s${number}`
  const second = 16 + number * 4
  const link = {
    namespace, loaderInterface: `wire${number}`, serverAddress: `10.${second}.0.1`, loaderAddress: `10.${second}.0.2`,
    subnet: `10.${second}.0.0/14`, first: `10.${second}.1.0`, last: `10.${second + 3}.255.254`,
  }
  ip('netns', 'add', namespace)
  made.push(namespace)
  ip('-n', LOADER, 'link', 'add', link.loaderInterface, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  ip('-n', LOADER, 'address', 'add', `${link.loaderAddress}/14`, 'dev', link.loaderInterface)
  ip('-n', namespace, 'address', 'add', `${link.serverAddress}/14`, 'dev', 'eth0')
  for (const [where, name] of [[LOADER, link.loaderInterface], [namespace, 'eth0'], [namespace, 'lo']]) ip('-n', where, 'link', 'set', name, 'up')
  for (let attempt = 0; attempt < 100 && !/LOWER_UP/.test(execFileSync('ip', ['-n', namespace, 'link', 'show', 'eth0'], { encoding: 'utf8' })); attempt++); // The link comes up a moment later.
  return link
}

export function closeAll() {
  for (const namespace of made.splice(0).reverse()) ip('netns', 'delete', namespace)
}
