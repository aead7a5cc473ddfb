/** A wire for each server: the server's namespace at one end, all the loader's ends in another. Needs root; removed at the end. */
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
 * @returns the namespace of the server, and both ends' addresses; the subnet is a /14, and nearly all of it is the pool: as large as Hamlet takes one
 */
export function openWire(number) {
  const namespace = `${LOADER}s${number}`
  const second = 16 + number * 4
  const wire = {
    namespace, link: `wire${number}`, serverAddress: `10.${second}.0.1`, loaderAddress: `10.${second}.0.2`,
    subnet: `10.${second}.0.0/14`, first: `10.${second}.1.0`, last: `10.${second + 3}.255.254`,
  }
  ip('netns', 'add', namespace)
  made.push(namespace)
  ip('-n', LOADER, 'link', 'add', wire.link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
  ip('-n', LOADER, 'address', 'add', `${wire.loaderAddress}/14`, 'dev', wire.link)
  ip('-n', namespace, 'address', 'add', `${wire.serverAddress}/14`, 'dev', 'eth0')
  for (const [where, link] of [[LOADER, wire.link], [namespace, 'eth0'], [namespace, 'lo']]) ip('-n', where, 'link', 'set', link, 'up')
  for (let attempt = 0; attempt < 100 && !/LOWER_UP/.test(execFileSync('ip', ['-n', namespace, 'link', 'show', 'eth0'], { encoding: 'utf8' })); attempt++); // The wire is live a moment later.
  return wire
}

export function closeAll() {
  for (const namespace of made.splice(0).reverse()) ip('netns', 'delete', namespace)
}
