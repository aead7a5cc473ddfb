/** Everything that must be there before something runs. The usual case, all there, is checked in well under a second and changes nothing. */
import { ensureAddOn } from '../add-on.mjs'
import { installNodePackages, nodePackagesReady } from './node-packages.mjs'
import { currentRuntime, describe, provideRuntime } from './electron-runtime.mjs'
import { withLock } from './lock.mjs'
import { say, SetupError } from './say.mjs'
import { ensureElectronLibraries, ensurePrograms } from './system-packages.mjs'

/** The npm packages alone: enough for everything without a window. */
export async function prepareNodePackages() {
  if (!nodePackagesReady()) await withLock(async () => { if (!nodePackagesReady()) await installNodePackages() })
}

/**
 * npm packages, the Electron runtime with its libraries, and the programs for a purpose.
 * @param {'start' | 'make'} purpose
 * @returns the runtime, which is named in one line
 */
export async function prepare(purpose) {
  await prepareNodePackages()
  if (purpose !== 'start') await withLock(() => ensurePrograms(purpose))
  const runtime = await ensureRuntime()
  await withLock(() => ensureElectronLibraries(runtime.executable))
  say(describe(runtime))
  return runtime
}

/** The same for tests, which go on without what cannot be had: it is said in one line, and the tests that need it fail by themselves. */
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
  if (currentRuntime() === undefined) await withLock(async () => { if (currentRuntime() === undefined) await provideRuntime() })
  const runtime = currentRuntime()
  if (runtime === undefined) throw new Error('the Electron runtime that was just provided is not whole')
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
