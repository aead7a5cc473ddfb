/** Opens the datagram door that suits this machine: over the batch add-on if it loads, otherwise over node:dgram. */
import { HamletError } from '../../errors.ts'
import { loadBatchAddOn } from './batch-add-on.ts'
import { openBatchDoor } from './batch-door.ts'
import { openDgramDoor } from './dgram-door.ts'
import type { DatagramDoor, DoorOptions, Io } from './door.ts'

/**
 * @throws HamletError port-taken, port-not-permitted or address-not-local, leaving no socket open; io-unavailable if `batch` is requested
 *   and not available
 */
export async function openDoor(options: DoorOptions): Promise<DatagramDoor> {
  const { io = 'auto' } = options
  if (io === 'dgram') return openDgramDoor(options)
  const loaded = loadBatchAddOn()
  if ('addOn' in loaded) return openBatchDoor(loaded.addOn, options)
  if (io === 'auto') return openDgramDoor(options)
  throw new HamletError({ code: 'io-unavailable', what: 'UDP in batches is not available', why: loaded.why, remedy: 'leave --io out, or install a C compiler and run "npm run setup"' })
}

/** A log line that says which implementation this choice leads to, and why. */
export function describeIo(io: Io): string {
  if (io === 'dgram') return 'UDP: one datagram per system call (node:dgram), as requested'
  const loaded = loadBatchAddOn()
  return 'addOn' in loaded ? 'UDP: in batches (native add-on)' : `UDP: one datagram per system call (node:dgram): ${loaded.why}`
}
