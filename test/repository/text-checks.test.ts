import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ESLint } from 'eslint'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { repository } from './planted-tree.ts'
import { problemsOf, textFiles, unusedExports } from './text-checks.ts'

const host = 'registry'
const header = '/** Planted. */\n'

test.each([
  { what: 'an empty file', path: 'docs/a.md', text: ' \n', finds: 'it is empty' },
  { what: 'an over-long file', path: 'docs/a.md', text: 'x\n'.repeat(601), finds: 'it has 602 lines, and the limit is 600' },
  { what: 'a file without a header', path: 'src/main/a.ts', text: 'export const a = 1\n', finds: 'it does not begin with a comment' },
  { what: 'the host of a registry', path: 'README.md', text: `see https://${host}.example.org/npm\n`, finds: 'line 1 contains the host of a registry' },
  { what: 'the host of a registry in a setting', path: '.npmrc', text: `fund=false\n${host}=https://packages.example.org\n`, finds: 'line 2 contains the host of a registry' },
  { what: 'the host of a registry in the lock file', path: 'package-lock.json', text: '{ "resolved": "https://packages.example.org/a.tgz" }\n', finds: 'it contains the host of a registry' },
  { what: 'a folder of a particular machine', path: 'docs/a.md', text: `\ncd ${'/work'}/hamlet\n`, finds: 'line 2 contains a folder of a particular machine' },
  { what: 'a home folder', path: 'docs/a.md', text: `cd ${'/home'}/alice/hamlet\n`, finds: 'line 1 contains a folder of a particular machine' },
  { what: 'color-mix in CSS', path: 'src/renderer/a.css', text: `${header}.a { color: color-mix(in srgb, red, blue) }\n`, finds: 'it uses color-mix(, which Chromium 108 does not support' },
  { what: 'oklch in CSS', path: 'src/renderer/a.css', text: `${header}.a { color: oklch(50% 0.1 20) }\n`, finds: 'it uses oklch(, which Chromium 108 does not support' },
  { what: 'subgrid in CSS', path: 'src/renderer/a.css', text: `${header}.a { grid-template-rows: subgrid }\n`, finds: 'it uses subgrid, which Chromium 108 does not support' },
  { what: 'a popover in CSS', path: 'src/renderer/a.css', text: `${header}.a:popover-open { color: red }\n`, finds: 'it uses :popover-open, which Chromium 108 does not support' },
])('$what is found', ({ path, text, finds }) => {
  expect(problemsOf(path, text)).toEqual([finds])
})

test.each([
  { what: 'a comment about color-mix', path: 'src/renderer/a.css', text: '/* no color-mix() in Chromium 108 */\n.a { color: red }\n' },
  { what: 'a test without a header', path: 'src/main/a.test.ts', text: 'import {} from \'vitest\'\n' },
  { what: 'a script with a shebang line', path: 'scripts/a.mjs', text: `#!/usr/bin/env node\n${header}` },
  { what: 'a home folder of a user in examples', path: 'docs/a.md', text: '/home/yorick/.config/Hamlet\n' },
  { what: 'a URL with such a path', path: 'docs/a.md', text: 'http://my-app.example.org/home/work\n' },
])('$what passes', ({ path, text }) => {
  expect(problemsOf(path, text)).toEqual([])
})

test('every text file of the repository is tidy', () => {
  const files = textFiles(repository)
  expect(files.length).toBeGreaterThan(100)
  const problems = files.flatMap(path => problemsOf(path, readFileSync(join(repository, path), 'utf8')).map(problem => `${path}: ${problem}`))
  expect(problems).toEqual([])
})

test('unused exports are found, and nothing else', () => {
  expect(unusedExports(new Map([
    ['src/a.ts', 'export const used = 1\nexport const unused = 2\nexport async function unusedToo() {}\nexport interface Shape {}\n'],
    ['src/b.ts', 'import { used } from \'./a.ts\'\n'],
    ['scripts/c.mjs', 'export const said = 1\n'],
  ]))).toEqual(['src/a.ts: unused', 'src/a.ts: unusedToo'])
})

test('every export is used by another file', () => {
  const code = textFiles(repository).filter(path => /\.(tsx?|[cm]?js)$/.test(path))
  expect(unusedExports(new Map(code.map(path => [path, readFileSync(join(repository, path), 'utf8')])))).toEqual([])
})

test('compiler, linter and import checker agree on which modules are pure', async () => {
  const services = readdirSync(join(repository, 'src/services'), { recursive: true, encoding: 'utf8' })
    .map(path => `src/services/${path.replaceAll('\\', '/')}`).filter(path => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.includes('/testing/'))
  const compiled = execFileSync(process.execPath, [join(repository, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.pure.json', '--listFilesOnly'], { cwd: repository, encoding: 'utf8' })
    .split('\n').map(line => line.trim().replaceAll('\\', '/')).filter(line => line.includes('/src/services/')).map(line => line.slice(line.lastIndexOf('/src/services/') + 1))
  const importRules = z.object({ forbidden: z.array(z.object({ name: z.string(), from: z.object({ path: z.string().optional() }) })) }).parse(createRequire(import.meta.url)(join(repository, '.dependency-cruiser.cjs')))
  const checked = new RegExp(importRules.forbidden.find(({ name }) => name === 'pure-modules-stay-pure')?.from.path ?? 'missing')
  const linter = new ESLint({ cwd: repository })
  const linted = await Promise.all(services.map(async path => JSON.stringify(await linter.calculateConfigForFile(join(repository, path))).includes('Time is an argument') ? [path] : []))

  const pure = services.filter(path => checked.test(path)).sort()
  expect(pure.length).toBeGreaterThan(20)
  expect(compiled.sort()).toEqual(pure)
  expect(linted.flat().sort()).toEqual(pure)
})
