/**
 * Writes THIRD-PARTY-NOTICES.md: every package whose code or files end up in Hamlet's own packages, found in the source maps of the bundles,
 * with its licence. `node scripts/notices.mjs --check` fails if the file is not what would be written.
 */
import { mkdtempSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { at, nodeBinary, readJson, root } from './setup/places.mjs'
import { run } from './setup/run.mjs'
import { fail, SetupError } from './setup/say.mjs'

const TARGETS = ['cli', 'main', 'preload', 'renderer']
/** Files rather than code, which no source map names; and Electron, which a package wraps around everything. */
const BESIDE_BUNDLES = ['@fontsource-variable/inter', '@fontsource-variable/jetbrains-mono', 'electron']

try {
  const text = format([...new Set([...await bundledPackages(), ...BESIDE_BUNDLES])].sort())
  if (!process.argv.includes('--check')) writeFileSync(at('THIRD-PARTY-NOTICES.md'), text)
  else if (readFileSync(at('THIRD-PARTY-NOTICES.md'), 'utf8') !== text) throw new SetupError('THIRD-PARTY-NOTICES.md is not up to date: run "node scripts/notices.mjs"')
} catch (error) {
  fail(error)
}

/** Names as they stand under node_modules (a nested one with its path). */
async function bundledPackages() {
  const folder = mkdtempSync(join(tmpdir(), 'hamlet-notices-'))
  try {
    await Promise.all(TARGETS.map(name => run(nodeBinary(), [
      at('node_modules/vite/bin/vite.js'), 'build', '--config', at(`vite.${name}.config.ts`), '--outDir', join(folder, name), '--sourcemap', '--logLevel', 'error',
    ], { cwd: root })))
    const maps = readdirSync(folder, { recursive: true }).filter(file => file.endsWith('.map'))
    const sources = maps.flatMap(file => readJson(join(folder, file)).sources)
    return sources.flatMap(source => source.match(/node_modules\/((?:.*node_modules\/)?(?:@[^/]+\/)?[^/]+)/)?.[1] ?? [])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function format(names) {
  const packages = names.map(name => {
    const { version, license } = readJson(at('node_modules', name, 'package.json'))
    return { name: name.split('node_modules/').at(-1), version, license, text: licenceText(name) }
  })
  return [
    '# Third-party notices', '',
    'Hamlet is under the MIT licence (LICENSE). Its packages contain the following work of others. Electron itself contains Chromium, Node.js and',
    'many more: their licences lie beside the executable in LICENSES.chromium.html. Written by scripts/notices.mjs.', '',
    '| package | version | licence |', '| --- | --- | --- |', ...packages.map(({ name, version, license }) => `| ${name} | ${version} | ${license} |`), '',
    ...[...grouped(packages)].flatMap(([text, members]) => [`## ${members.join(', ')}`, '', '```', text, '```', '']),
  ].join('\n')
}

/** Packages with the very same text share one. */
function grouped(packages) {
  const byText = new Map()
  for (const { name, text } of packages) byText.set(text, [...byText.get(text) ?? [], name])
  return byText
}

function licenceText(name) {
  const file = readdirSync(at('node_modules', name)).find(file => /^(licen[cs]e|copying)(\.|$)/i.test(file))
  if (file === undefined || !existsSync(at('node_modules', name, file))) throw new SetupError(`${name} has no licence file: say by hand what holds`)
  return readFileSync(at('node_modules', name, file), 'utf8').replaceAll('\r\n', '\n').trim()
}
