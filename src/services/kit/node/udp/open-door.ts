/** Opens the door for datagrams that fits this machine: over the batch add-on where it loads, else over node:dgram. */
import { HamletError } from '../../errors.ts'
import { loadBatchAddOn } from './batch-add-on.ts'
import { openBatchDoor } from './batch-door.ts'
import { openDgramDoor } from './dgram-door.ts'
import type { DatagramDoor, DoorOptions, Io } from './door.ts'

/**
 * @throws HamletError port-taken, port-not-permitted or address-not-local; then no socket stays open. io-unavailable where `batch` is
 *   asked for and cannot be had
 */
export async function openDoor(options: DoorOptions): Promise<DatagramDoor> {
  const { io = 'auto' } = options
  if (io === 'dgram') return openDgramDoor(options)
  const loaded = loadBatchAddOn()
  if ('addOn' in loaded) return openBatchDoor(loaded.addOn, options)
  if (io === 'auto') return openDgramDoor(options)
  throw new HamletError({ code: 'io-unavailable', what: 'UDP cannot go in batches', why: loaded.why, remedy: 'leave --io out, or run "npm run setup" where a C compiler is' })
}

/** Which implementation a door with this choice has, and why, as a line for a person. */
export function describeIo(io: Io): string {
  if (io === 'dgram') return 'UDP goes one datagram a call (node:dgram), as asked'
  const loaded = loadBatchAddOn()
  return 'addOn' in loaded ? 'UDP goes in batches (the add-on)' : `UDP goes one datagram a call (node:dgram): ${loaded.why}`
}
