// Packages the app. scripts/build.mjs makes the bundles, the same ones that
// `npm start` runs; Forge packs them with Electron.
import { chmod, copyFile, mkdir, rename } from 'node:fs/promises'
import { existsSync, readFileSync } from 'node:fs'
import { join, parse } from 'node:path'
import { pathToFileURL } from 'node:url'
import { MakerDeb } from '@electron-forge/maker-deb'
import { MakerZIP } from '@electron-forge/maker-zip'
import { FusesPlugin } from '@electron-forge/plugin-fuses'
import { VitePlugin } from '@electron-forge/plugin-vite'
import type { ForgeConfig } from '@electron-forge/shared-types'
import { FuseV1Options, FuseVersion } from '@electron/fuses'

const root = import.meta.dirname
const runtimeFile = join(root, 'node_modules', 'electron', 'dist', 'runtime.json')
/** `npm run setup` records in this file whether Electron is the test runtime, which must not be distributed. */
const isTestRuntime = existsSync(runtimeFile) && readFileSync(runtimeFile, 'utf8').startsWith('{"kind":"test"')

const config: ForgeConfig = {
  packagerConfig: {
    asar: true,
    executableName: 'hamlet-window',
    tmpdir: join(root, '.cache', 'packager'), // the default under /tmp is shared, and belongs to the first user who packages there
    extraResource: ['assets'],
    // Forge expects a zip of the pinned version; scripts/make.mjs builds one of the test runtime under that name.
    ...(isTestRuntime ? { electronZipDir: join(root, '.cache', 'electron-zip') } : {}),
  },
  makers: [
    new MakerDeb({
      // @ts-expect-error the maker's types lack `compression`, which the Debian installer accepts; gzip takes seconds where xz takes minutes
      compression: 'gzip',
      options: {
        name: 'hamlet', productName: 'Hamlet', bin: 'hamlet', section: 'net', icon: 'assets/icon.png', categories: ['Network', 'Education'],
        desktopTemplate: join(root, 'scripts', 'package', 'desktop.ejs'),
        depends: ['libasound2t64 | libasound2'], // Electron does not start without it; the maker lists it only under "recommends"
      },
    }),
    new MakerZIP(),
  ],
  plugins: [
    // The same configurations as in scripts/build.mjs.
    new VitePlugin({
      build: [
        { entry: 'src/main/main.ts', config: 'vite.main.config.ts', target: 'main' },
        { entry: 'src/services/cli/main.ts', config: 'vite.cli.config.ts', target: 'main' },
        { entry: 'src/preload/preload.ts', config: 'vite.preload.config.ts', target: 'preload' },
      ],
      renderer: [{ name: 'main_window', config: 'vite.renderer.config.ts' }],
    }),
    // Only fuses that Electron 22 knows; setting a newer one would fail there.
    new FusesPlugin({
      version: FuseVersion.V1,
      [FuseV1Options.RunAsNode]: true, // the hamlet command needs it
      [FuseV1Options.EnableCookieEncryption]: true,
      [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
      [FuseV1Options.EnableNodeCliInspectArguments]: false,
      [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
      [FuseV1Options.OnlyLoadAppFromAsar]: true,
    }),
  ],
  hooks: {
    async postPackage(_config, { platform, outputPaths }) {
      for (const folder of outputPaths) {
        const command = platform === 'win32' ? 'hamlet.cmd' : 'hamlet'
        await copyFile(join(root, 'scripts', 'package', command), join(folder, command))
        await chmod(join(folder, command), 0o755)
        await rename(join(folder, 'LICENSE'), join(folder, 'LICENSE.electron.txt'))
        for (const text of ['LICENSE', 'THIRD-PARTY-NOTICES.md']) await copyFile(join(root, text), join(folder, text))
        await copyAddOn(join(folder, 'resources', 'native'))
        await chmod(folder, 0o755) // Forge makes it readable by its owner only
      }
    },
    async postMake(_config, results) {
      if (!isTestRuntime) return results
      return Promise.all(results.map(async result => ({ ...result, artifacts: await Promise.all(result.artifacts.map(markAsTest)) })))
    },
  },
}

/**
 * The batch add-on is a real file beside app.asar, because the system's loader cannot read archives.
 * Without a C compiler the package has no add-on and uses node:dgram.
 */
async function copyAddOn(folder: string): Promise<void> {
  const { ensureAddOn, addOnName }: { ensureAddOn(): Promise<boolean>; addOnName: string } = await import(pathToFileURL(join(root, 'scripts', 'add-on.mjs')).href)
  if (!await ensureAddOn()) return
  await mkdir(folder)
  await copyFile(join(root, '.vite', 'native', addOnName), join(folder, addOnName))
}

/** hamlet_0.1.0_amd64.deb → hamlet_0.1.0_amd64.test-runtime.deb */
async function markAsTest(artifact: string): Promise<string> {
  const { dir, name, ext } = parse(artifact)
  const marked = join(dir, `${name}.test-runtime${ext}`)
  await rename(artifact, marked)
  return marked
}

export default config
