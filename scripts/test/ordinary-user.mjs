/**
 * Lets root run something as an ordinary user (nobody), so that Chromium's sandbox, which root cannot use, and the limits on low ports are
 * really in effect. That user may not be able to read the checkout (in /root), so it gets a shadow copy: the same files by hard link (or
 * copied if linking fails), in folders of its own.
 */
import { chmodSync, chownSync, cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { at, root, which } from '../setup/places.mjs'
import { run } from '../setup/run.mjs'

const NOBODY = 65534
const NOT_SHADOWED = ['.git', 'out', 'test-results']
const PLACES = ['/var/tmp', '/tmp']

export const isRoot = () => process.getuid?.() === 0

/** The command, run as nobody. It ends with this process, even if that is killed. */
export const asNobody = (command, args) => [which('setpriv'), [
  `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--pdeathsig', 'TERM', '--', command, ...args,
]]

/** @returns the shadow's folder, its environment, and a function that copies `test-results` back and removes it */
export async function shadowCheckout() {
  const folder = mkdtempSync(join(PLACES.find(existsSync), 'hamlet-test-'))
  const entries = readdirSync(root).filter(name => !NOT_SHADOWED.includes(name)).map(name => at(name))
  const copy = flags => run('cp', [...flags, '--', ...entries, folder])
  // Hard links share their mode: only world-readable files can be linked.
  if ((process.umask() & 0o044) !== 0) await copy(['-a']).then(() => run('chmod', ['-R', 'a+rX', folder]))
  else await copy(['-al']).catch(() => copy(['-a']))
  await run('find', [folder, '-type', 'd', '-exec', 'chown', `${NOBODY}:${NOBODY}`, '{}', '+'])
  const home = mkdtempSync(join(folder, 'home-'))
  chownSync(home, NOBODY, NOBODY)
  chmodSync(folder, 0o755)
  return {
    folder,
    environment: { HOME: home, XDG_CONFIG_HOME: join(home, '.config'), XDG_CACHE_HOME: join(home, '.cache'), USER: 'nobody', LOGNAME: 'nobody' },
    remove() {
      if (existsSync(join(folder, 'test-results'))) cpSync(join(folder, 'test-results'), at('test-results'), { recursive: true })
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
