/**
 * `npm start`: sets up what is missing, bundles what has changed, and opens the app: the same bundles that a package holds, run by
 * Electron directly (docs/decisions/electron-runtime.md says why). Without a display the same roles start headless.
 */
import { build } from './build.mjs'
import { at, root } from './setup/places.mjs'
import { prepare, prepareNodePackages } from './setup/prepare.mjs'
import { hasDisplay } from './setup/display.mjs'
import { endLike, runInForeground } from './setup/run.mjs'
import { sandboxWorks } from './setup/sandbox.mjs'
import { fail, say } from './setup/say.mjs'

const args = process.argv.slice(2)

try {
  endLike(hasDisplay() ? await openApp() : await startHeadless())
} catch (error) {
  fail(error)
}

async function openApp() {
  const runtime = await prepare('start')
  await build()
  return runInForeground(runtime.executable, [root, ...await sandboxFlags(), ...args])
}

async function startHeadless() {
  say('No display here (neither DISPLAY nor WAYLAND_DISPLAY is set): starting the same roles without a window, as "hamlet up" does.')
  await prepareNodePackages()
  await build(['cli'])
  return runInForeground(process.execPath, [at('.vite', 'build', 'hamlet.cjs'), 'up', ...args])
}

/** Chromium refuses to run as root inside its sandbox, and aborts where an ordinary user may have none. */
async function sandboxFlags() {
  if (process.platform !== 'linux') return []
  if (process.getuid() === 0) say('Running as root: Chromium\'s sandbox is off (--no-sandbox). Start Hamlet as an ordinary user to have it.')
  else if (!await sandboxWorks()) say('This system allows ordinary users no namespaces of their own: Chromium\'s sandbox is off (--no-sandbox).')
  else return []
  return ['--no-sandbox']
}
