/** Opens the door for datagrams that fits this machine. */
import type { DatagramDoor, DoorOptions } from './door.ts'
import { openDgramDoor } from './dgram-door.ts'

/** @throws HamletError port-taken, port-not-permitted or address-not-local; then no socket stays open */
export function openDoor(options: DoorOptions): Promise<DatagramDoor> {
  return openDgramDoor(options)
}
