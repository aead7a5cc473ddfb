/** The folders of this program: its assets and its data. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { homeFolder, userDataFolder } from '../kit/node/data-folder.ts'

/** The running bundle: `.vite/build/hamlet.cjs` in a checkout, the same path inside app.asar in a package. */
export const entryFile = fileURLToPath(import.meta.url)

/** `assets` is beside package.json in a checkout, and beside app.asar in a package. */
export function assetsFolder(): string {
  const build = dirname(entryFile)
  const packaged = join(build, '..', '..', '..', 'assets')
  return existsSync(join(packaged, 'site')) ? packaged : join(build, '..', '..', 'assets')
}

/** `--data DIR`, or the folder that the window uses. */
export function dataFolder(flag: string | undefined): string {
  return resolve(flag ?? userDataFolder(process.platform, process.env, homeFolder))
}

/** The version in package.json, in a checkout and in a package. */
export function productVersion(): string {
  const text = readFileSync(join(dirname(entryFile), '..', '..', 'package.json'), 'utf8')
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version
}
