import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, open, readFile, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sendFile } from './send-file.ts'

const LENGTH = 6_000_000

let folder: string
let handle: FileHandle
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hamlet-send-'))
  path = join(folder, 'film')
  await writeFile(path, randomBytes(LENGTH))
  handle = await open(path)
})
afterEach(() => rm(folder, { recursive: true }))

const isOpen = () => handle.fd >= 0

/** A connection that takes a while for each piece before it releases its memory. */
function slowly(onPiece: (piece: Buffer, count: number) => void): Writable {
  let count = 0
  return new Writable({
    write(piece: Buffer, _encoding, done) {
      setTimeout(() => {
        onPiece(piece, ++count)
        done()
      }, 3)
    },
  })
}

test('any part of a file arrives intact, and the file is closed', async () => {
  for (const [first, last] of [[0, LENGTH - 1], [0, 0], [1_234_567, 1_234_567], [700_000, 5_900_001]] as const) {
    await handle.close()
    handle = await open(path)
    const hash = createHash('sha256')
    const outgoing = slowly(piece => hash.update(piece))
    expect(await sendFile(handle, first, last, outgoing)).toBe(last - first + 1)
    await expect.poll(() => outgoing.writableFinished).toBe(true)
    expect(hash.digest('hex')).toBe(createHash('sha256').update((await readFile(path)).subarray(first, last + 1)).digest('hex'))
    expect(isOpen()).toBe(false)
  }
})

test('two buffers are enough for a file of any length', async () => {
  const memory = new Set<ArrayBufferLike>()
  await sendFile(handle, 0, LENGTH - 1, slowly(piece => memory.add(piece.buffer)))
  expect(memory.size).toBe(2)
})

test('a peer that leaves ends the reading, and the file is closed', async () => {
  const outgoing = slowly((_piece, count) => { if (count === 2) outgoing.destroy() })
  expect(await sendFile(handle, 0, LENGTH - 1, outgoing)).toBeLessThan(LENGTH)
  expect(isOpen()).toBe(false)
})

test('so does a peer that leaves while the transfer is stalled', async () => {
  const outgoing = new Writable({ write() { /* never takes it */ } })
  const sending = sendFile(handle, 0, LENGTH - 1, outgoing)
  await sleep(20)
  outgoing.destroy()
  expect(await sending).toBeLessThan(LENGTH)
  expect(isOpen()).toBe(false)
})

test('a peer that left before the start gets nothing, and the file is closed', async () => {
  const outgoing = slowly(() => undefined).destroy()
  expect([await sendFile(handle, 0, LENGTH - 1, outgoing), isOpen()]).toEqual([0, false])
})

test('a file that becomes shorter meanwhile breaks the connection, so that the part is not taken for the whole', async () => {
  const outgoing = slowly(() => undefined)
  await truncate(path, 4_000_000)
  expect(await sendFile(handle, 0, LENGTH - 1, outgoing)).toBe(4_000_000)
  expect([outgoing.writableEnded, outgoing.destroyed, isOpen()]).toEqual([false, true, false])
})
