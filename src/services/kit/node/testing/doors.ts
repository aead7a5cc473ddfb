/** Doors for tests, over either implementation; closed after each test. */
import { afterEach } from 'vitest'
import type { Endpoint, Path } from '../../endpoint.ts'
import { REPLY_BYTES_MAX, type DatagramBatch, type DatagramDoor, type DoorOptions, type Io } from '../udp/door.ts'
import { openDoor } from '../udp/open-door.ts'

/** The add-on runs on Linux only. */
export const EVERY_IO = process.platform === 'linux' ? ['dgram', 'batch'] as const : ['dgram'] as const

export const LOOPBACK: DoorOptions = { addresses: ['127.0.0.1'], port: 0, receive: () => undefined }

/** Loopback addresses that no other test on this machine binds, so that a port free on one is free on the other. */
export const [OWN, OTHER_OWN] = [101, 102].map(net => `127.${net}.${process.pid >> 8 & 255}.${process.pid & 255}`) as [string, string] // two go in, so two come out

/** Closed after the test. */
export const opened: DatagramDoor[] = []
afterEach(async () => { for (const door of opened.splice(0)) await door.close() })

export const text = (words: string) => new TextEncoder().encode(words)

export function bytesOf({ slab, offsets, lengths }: DatagramBatch, index: number): Buffer {
  const offset = offsets[index] ?? 0
  return Buffer.from(slab.subarray(offset, offset + (lengths[index] ?? 0)))
}

export function doorsOver(io: Io) {
  async function openHere(options: Partial<DoorOptions> = {}): Promise<DatagramDoor & { readonly local: Endpoint }> {
    const door = await openDoor({ ...LOOPBACK, io, ...options })
    opened.push(door)
    const [local] = door.locals
    if (local === undefined) throw new Error('a door has a socket')
    return Object.assign(door, { local })
  }

  /** A door that records what it receives, and can wait for it. */
  async function openListener(options: Partial<DoorOptions> = {}) {
    const received: { bytes: Buffer; text: string; path: Path }[] = []
    let arrived: () => void = () => undefined
    const door = await openHere({
      receive(batch) {
        for (let index = 0; index < batch.count; index++) {
          const bytes = bytesOf(batch, index)
          received.push({ bytes, text: bytes.toString(), path: batch.path(index) })
        }
        arrived()
      },
      ...options,
    })
    const receivedAtLeast = (count: number) => new Promise<typeof received>(resolve => {
      arrived = () => { if (received.length >= count) resolve(received) }
      arrived()
    })
    return { door, local: door.local, received, receivedAtLeast, say: (peer: Endpoint, bytes: Uint8Array) => {
      door.send(door.pathTo(peer), bytes)
      door.flush()
    } }
  }

  /** Replies to each datagram in place with itself. */
  const openEcho = (options: Partial<DoorOptions> = {}) => openHere({
    receive(batch) {
      for (let index = 0; index < batch.count; index++) {
        batch.replies.set(bytesOf(batch, index), index * REPLY_BYTES_MAX)
        batch.replyLengths[index] = batch.lengths[index] ?? 0
      }
    },
    ...options,
  })

  return { openHere, openListener, openEcho }
}
