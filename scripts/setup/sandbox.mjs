/**
 * Can Chromium's sandbox work for an ordinary user here? It needs user namespaces of its own (or a set-uid helper, which only a package
 * that root installed has). Containers and some systems forbid them, and Electron then aborts before any of our code runs.
 */
import { run } from './run.mjs'
import { which } from './places.mjs'

/** @param asUser wraps a command so that it runs as the user in question; by default it runs as we are */
export async function sandboxWorks(asUser = (command, args) => [command, args]) {
  const unshare = which('unshare')
  if (process.platform !== 'linux' || unshare === undefined) return true
  return run(...asUser(unshare, ['--user', '--map-root-user', '--net', 'true'])).then(() => true, () => false)
}
