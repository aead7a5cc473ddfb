import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { emptyFolder, runHamlet } from '../support/hamlet.ts'

let server: Server
let url: string
let asked: string[]
let path: string
beforeEach(async () => {
  asked = []
  server = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (request.url === '/nowhere') response.writeHead(404).end('there is no such page')
    else response.end(request.url === '/empty' ? '' : 'new')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // `listen` with a port gives an AddressInfo; with a pipe it would give a string.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  path = join(emptyFolder(), 'page')
  writeFileSync(path, 'what was there before')
})
afterEach(() => server.close())

test('the fetched body replaces the content of the file, even if it is shorter or empty', async () => {
  expect((await runHamlet(['fetch', `${url}/`, '--output', path])).status).toBe(0)
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect((await runHamlet(['fetch', `${url}/empty`, '--output', path])).status).toBe(0)
  expect(readFileSync(path, 'utf8')).toBe('')
})

test.each([['http//my-app.home/', 2], ['http://my-app.home:0/', 2], ['http://127.0.0.1:9/', 1], ['rudp://192.0.2.1.2/', 1]])('a failed fetch of %s leaves the file as it was', async (address, status) => {
  expect((await runHamlet(['fetch', address, '--output', path, '--dns', '127.0.0.1:9'])).status).toBe(status)
  expect(readFileSync(path, 'utf8')).toBe('what was there before')
})

test('a failed fetch creates no file and removes none', async () => {
  const folder = emptyFolder()
  const output = join(folder, 'page')
  for (const address of ['http://127.0.0.1:9/', `${url}/nowhere`]) expect((await runHamlet(['fetch', address, '--output', output])).status).toBe(1)
  expect(readdirSync(folder)).toEqual([])
  symlinkSync('elsewhere', output)
  expect((await runHamlet(['fetch', 'http://127.0.0.1:9/', '--output', output])).status).toBe(1)
  expect(readdirSync(folder)).toEqual(['page'])
  expect((await runHamlet(['fetch', `${url}/`, '--output', output])).status).toBe(0)
  expect([readFileSync(join(folder, 'elsewhere'), 'utf8'), readlinkSync(output)]).toEqual(['new', 'elsewhere'])
})

test('an error response leaves the file as it was; its page does not overwrite the file', async () => {
  const { status, stderr } = await runHamlet(['fetch', `${url}/nowhere`, '--output', path])
  expect([status, stderr.includes('the server answered with status 404'), readFileSync(path, 'utf8')]).toEqual([1, true, 'what was there before'])
  expect((await runHamlet(['fetch', `${url}/nowhere`])).stdout).toBe('there is no such page')
})

test('a failed fetch removes nothing that others fetch into the same new file', async () => {
  const output = join(emptyFolder(), 'page')
  const statuses = await Promise.all([`${url}/`, 'http://127.0.0.1:9/', `${url}/`].map(async address => (await runHamlet(['fetch', address, '--output', output])).status))
  expect(statuses).toEqual([0, 1, 0])
  expect(readFileSync(output, 'utf8')).toMatch(/^(new){1,2}$/)
})

test('a mistyped address leaves the qlog as it was and creates no files', async () => {
  const output = join(emptyFolder(), 'page')
  expect((await runHamlet(['fetch', 'rudp//my-app.home/', '--qlog', path, '--output', output])).status).toBe(2)
  expect([readFileSync(path, 'utf8'), existsSync(output)]).toEqual(['what was there before', false])
})

test.each(['below', '../nobody/page', '../new-folder/'])('a file that cannot be written is reported before anything is sent: %s', async name => {
  const { status, stderr } = await runHamlet(['fetch', `${url}/`, '--output', `${path}/${name}`.replace('page/../', '')])
  expect([status, stderr, asked]).toEqual([1, expect.stringMatching(/^hamlet: \S+ could not be written: [^\n]+\. Choose another file with --output\.\n$/), []])
})
