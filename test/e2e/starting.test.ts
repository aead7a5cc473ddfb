/**
 * Starting the app. If it cannot start, it reports why in one line on stderr and
 * in a dialog, and exits with a nonzero status.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyFolder } from '../support/hamlet.ts'
import { chromiumSandbox, ELECTRON, ROOT } from './hamlet-window.ts'

/** The app, with its error dialogs printed to stderr, so that nobody has to close them. */
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
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000) // a dialog that is not replaced would wait forever
  await once(child, 'close')
  clearTimeout(timer)
  return { status: child.exitCode, stdout: stdout?.join('') ?? '', stderr: stderr?.join('') ?? '' }
}

test('an unusable data folder is reported, and the app exits with status 1', async () => {
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

test('--data takes its folder after a space or after =, also as a relative path', async () => {
  const folder = emptyFolder()
  for (const args of [['--data', join(folder, 'one')], ['--data=two']]) {
    const { status, stdout } = await run([...args, '--smoke'], folder)
    expect(stdout).toContain('window: Hamlet')
    expect(status).toBe(0)
  }
  expect(['one', 'two'].map(name => existsSync(join(folder, name, 'Local Storage')))).toEqual([true, true])
})

test('a second start reports that Hamlet is already running, and exits with status 0', async () => {
  const folder = emptyFolder()
  const first = spawnApp(['--data', folder], folder)
  let output = ''
  first.stdout?.on('data', (chunk: Buffer) => { output += chunk.toString('utf8') })
  await expect.poll(() => output).toContain('Hamlet') // by then it has the lock
  const { status, stdout } = await run(['--data', folder])
  first.kill('SIGTERM')
  await once(first, 'close')
  expect([status, stdout]).toEqual([0, `Hamlet is already running with ${folder}: its window comes to the front.\n`])
})

test('--data without a folder is refused in one line', async () => {
  const { status, stderr } = await run(['--data'])
  expect(stderr).toContain('hamlet: --data needs a value: none was given. Write --data DIR.')
  expect(status).toBe(1)
})

test('the app survives a closed stdout', async () => {
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
