/**
 * Allows one setup at a time in a checkout, because `npm start` and `npm test` may run at once. The lock is a listening local socket, which
 * the operating system closes with its process, however that ends.
 */
import { createHash } from 'node:crypto'
import { rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './places.mjs'
import { say } from './say.mjs'

/** Runs `work` while holding the lock; waits while another process holds it. */
export async function withLock(work, name = root) {
  const address = addressOf(name)
  for (;;) {
    const held = await take(address)
    if (held !== undefined) {
      try {
        return await work()
      } finally {
        held.release()
      }
    }
    await waitForHolder(address)
  }
}

function addressOf(name) {
  const id = `hamlet-setup-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`
  if (process.platform === 'linux') return `\0${id}` // abstract: leaves no file behind
  return process.platform === 'win32' ? `\\\\.\\pipe\\${id}` : join(tmpdir(), `${id}.sock`)
}

function take(address) {
  return new Promise((resolve, reject) => {
    const waiting = new Set()
    const server = createServer(socket => {
      waiting.add(socket.on('error', () => waiting.delete(socket)).on('close', () => waiting.delete(socket)))
      socket.write(`${process.pid}\n`)
    })
    server.once('error', error => error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error))
    server.listen(address, () => {
      server.unref()
      resolve({ release() { server.close(); for (const socket of waiting) socket.destroy() } })
    })
  })
}

/** Resolves once the holder releases the lock or is gone. */
function waitForHolder(address) {
  return new Promise(resolve => {
    const socket = connect(address)
    socket.setEncoding('utf8').once('data', pid => say(`Another setup is running in this checkout (process ${pid.trim()}); waiting for it.`))
    socket.once('error', error => {
      if (error.code === 'ECONNREFUSED' && !address.startsWith('\0')) rmSync(address, { force: true }) // macOS: left by a killed process
    })
    socket.once('close', () => resolve())
  })
}
