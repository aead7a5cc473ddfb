/**
 * Finds out whether Chromium's sandbox works for an ordinary user here. It needs user namespaces (or a setuid helper, which only a package
 * installed by root has). Containers and some systems forbid them, and then Electron aborts before any of our code runs.
 */
import { run } from './run.mjs'
import { which } from './places.mjs'

/** @param asUser wraps a command so that it runs as the user in question; by default it runs as the current user */
export async function sandboxWorks(asUser = (command, args) => [command, args]) {
  const unshare = which('unshare')
  if (process.platform !== 'linux' || unshare === undefined) return true
  return run(...asUser(unshare, ['--user', '--map-root-user', '--net', 'true'])).then(() => true, () => false)
}
