/** Detects a display, and starts a virtual one (Xvfb) for tests. */
import { which } from './places.mjs'
import { spawnTied } from './run.mjs'
import { SetupError } from './say.mjs'

const SHOWS_WITHIN_MS = 15_000

export const hasDisplay = () => process.platform !== 'linux' || Boolean(process.env.DISPLAY) || Boolean(process.env.WAYLAND_DISPLAY)

/** Starts Xvfb on a free display number. @returns its name for DISPLAY, and a function that ends it */
export function startVirtualDisplay() {
  const xvfb = which('Xvfb')
  if (xvfb === undefined) throw new SetupError('Xvfb is missing: install the Debian package xvfb')
  // Local clients of any user may connect (-ac): the end-to-end test runs as another user. No TCP.
  const child = spawnTied(xvfb, ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp', '-ac'], { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] })
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => { child.kill('SIGKILL'); reject(new SetupError(`Xvfb did not start within ${SHOWS_WITHIN_MS / 1000} s`)) }, SHOWS_WITHIN_MS)
    child.stdio[3].setEncoding('utf8').once('data', number => {
      clearTimeout(late)
      resolve({ name: `:${number.trim()}`, end: () => child.kill('SIGTERM') })
    })
    child.once('exit', status => { clearTimeout(late); reject(new SetupError(`Xvfb exited with status ${status}`)) })
  })
}
