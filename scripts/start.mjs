/**
 * `npm start`: sets up what is missing, bundles what has changed, and opens the app. Electron runs the same bundles that a package
 * contains (docs/decisions/electron-runtime.md explains why). Without a display the same roles start headless.
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
  say('No display (neither DISPLAY nor WAYLAND_DISPLAY is set): starting the same roles without a window, as "hamlet up" does.')
  await prepareNodePackages()
  await build(['cli'])
  return runInForeground(process.execPath, [at('.vite', 'build', 'hamlet.cjs'), 'up', ...args])
}

/** As root, Chromium refuses to run inside its sandbox; on systems that deny ordinary users a sandbox, it aborts. */
async function sandboxFlags() {
  if (process.platform !== 'linux') return []
  if (process.getuid() === 0) say('Running as root: Chromium\'s sandbox is off (--no-sandbox). To enable it, start Hamlet as an ordinary user.')
  else if (!await sandboxWorks()) say('This system does not allow user namespaces: Chromium\'s sandbox is off (--no-sandbox).')
  else return []
  return ['--no-sandbox']
}
