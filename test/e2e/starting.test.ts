/** How the app starts, and what it says where it cannot: one line on the terminal, a box with the same, and a status that is not 0. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyFolder } from '../support/hamlet.ts'
import { chromiumSandbox, ELECTRON, ROOT } from './hamlet-window.ts'

/** The app, but its boxes are told on the terminal, where nobody has to close them. */
const APP = `
const { dialog } = require('electron')
dialog.showErrorBox = (title, text) => console.error('box: ' + title + ': ' + text)
require(${JSON.stringify(join(ROOT, '.vite', 'build', 'main.cjs'))})
`

interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function spawnApp(args: readonly string[], folder: string): ChildProcess {
  const app = emptyFolder()
  writeFileSync(join(app, 'package.json'), '{ "name": "hamlet", "version": "0.0.0", "main": "app.cjs" }')
  writeFileSync(join(app, 'app.cjs'), APP)
  return spawn(ELECTRON, [app, ...args, '--disable-gpu', ...(chromiumSandbox ? [] : ['--no-sandbox'])], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function run(args: readonly string[], folder = emptyFolder()): Promise<Ended> {
  const child = spawnApp(args, folder)
  const [stdout, stderr] = [child.stdout, child.stderr].map(stream => {
    const chunks: string[] = []
    stream?.on('data', (chunk: Buffer) => chunks.push(chunk.toString('utf8')))
    return chunks
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000) // what shows a box of its own waits for somebody
  await once(child, 'close')
  clearTimeout(timer)
  return { status: child.exitCode, stdout: stdout?.join('') ?? '', stderr: stderr?.join('') ?? '' }
}

test('a data folder that cannot be used is told, and the app ends with status 1', async () => {
  const folder = emptyFolder()
  const file = join(folder, 'file')
  writeFileSync(file, '')
  for (const [path, why] of [[file, 'a file of that name is in the way'], [join(file, 'below'), 'a part of its path is a file']] as const) {
    const { status, stderr } = await run([`--data=${path}`], folder)
    const line = `the data folder ${path} cannot be used: ${why}. Choose another folder with --data.`
    expect(stderr).toContain(`hamlet: ${line}`)
    expect(stderr).toContain(`box: Hamlet cannot start: ${line}`)
    expect(status).toBe(1)
  }
})

test('the data folder is taken as the guide writes it, also by a path from here', async () => {
  const folder = emptyFolder()
  for (const args of [['--data', join(folder, 'one')], ['--data=two']]) {
    const { status, stdout } = await run([...args, '--smoke'], folder)
    expect(stdout).toContain('window: Hamlet')
    expect(status).toBe(0)
  }
  expect(['one', 'two'].map(name => existsSync(join(folder, name, 'Local Storage')))).toEqual([true, true])
})

test('a second start says that the first one runs, and brings its window to the front', async () => {
  const folder = emptyFolder()
  const first = spawnApp(['--data', folder], folder)
  let said = ''
  first.stdout?.on('data', (chunk: Buffer) => { said += chunk.toString('utf8') })
  await expect.poll(() => said).toContain('Hamlet') // it has the lock by then
  const { status, stdout } = await run(['--data', folder])
  first.kill('SIGTERM')
  await once(first, 'close')
  expect([status, stdout]).toEqual([0, `Hamlet runs already with ${folder}: its window comes to the front.\n`])
})

test('a flag without its folder is one line', async () => {
  const { status, stderr } = await run(['--data'])
  expect(stderr).toContain('hamlet: --data needs a value: none was given. Write --data DIR.')
  expect(status).toBe(1)
})

test('the app goes on when nobody reads what it says', async () => {
  const folder = emptyFolder()
  const child = spawnApp(['--data', folder, '--smoke'], folder)
  child.stdout?.destroy()
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => { stderr += chunk.toString('utf8') })
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000)
  await once(child, 'close')
  clearTimeout(timer)
  expect([child.exitCode, stderr]).toEqual([0, expect.not.stringContaining('EPIPE')])
})
