/** Installs everything that is needed before something runs. If all of it is there, the check takes well under a second and changes nothing. */
import { ensureAddOn } from '../add-on.mjs'
import { installNodePackages, nodePackagesReady } from './node-packages.mjs'
import { currentRuntime, describe, installRuntime } from './electron-runtime.mjs'
import { withLock } from './lock.mjs'
import { say, SetupError } from './say.mjs'
import { ensureElectronLibraries, ensurePrograms } from './system-packages.mjs'

/** Only the npm packages: enough for everything without a window. */
export async function prepareNodePackages() {
  if (!nodePackagesReady()) await withLock(async () => { if (!nodePackagesReady()) await installNodePackages() })
}

/**
 * npm packages, the Electron runtime with its libraries, and the programs for a purpose.
 * @param {'start' | 'make'} purpose
 * @returns the runtime, after printing its name in one line
 */
export async function prepare(purpose) {
  await prepareNodePackages()
  if (purpose !== 'start') await withLock(() => ensurePrograms(purpose))
  const runtime = await ensureRuntime()
  await withLock(() => ensureElectronLibraries(runtime.executable))
  say(describe(runtime))
  return runtime
}

/** The same for tests. They continue without what is not available: one line reports it, and the tests that need it fail by themselves. */
export async function prepareForTests() {
  await prepareNodePackages()
  await orSay(() => withLock(() => ensurePrograms('test')))
  await ensureAddOn()
  await orSay(async () => {
    const runtime = await ensureRuntime()
    say(describe(runtime))
    await withLock(() => ensureElectronLibraries(runtime.executable))
  })
}

async function ensureRuntime() {
  if (currentRuntime() === undefined) await withLock(async () => { if (currentRuntime() === undefined) await installRuntime() })
  const runtime = currentRuntime()
  if (runtime === undefined) throw new Error('the Electron runtime that was just installed is incomplete')
  return runtime
}

async function orSay(step) {
  try {
    await step()
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    say(`hamlet: ${error.message}`)
  }
}
