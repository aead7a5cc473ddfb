/**
 * Is somebody at an address? One datagram to a port where nobody listens (9, "discard") finds out, without privileges:
 *
 * - To send it the system asks the wire who has the address. Who answers stands in the table of neighbours then, even where
 *   a firewall swallows everything else. Linux tells. An entry that was there before is not asked for anew at once: the
 *   system does that some seconds after the datagram, and takes the entry away where nobody answers. So a later look knows more.
 * - A host that gets it refuses: so one is found where there is no such table, too.
 */
import { readFile } from 'node:fs/promises'
import type { Clock } from '../kit/node/clock.ts'
import { errnoOf } from '../kit/node/disk.ts'
import type { DatagramDoor } from '../kit/node/udp/door.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'
import { parseArpTable } from './core/arp-table.ts'
import type { ProbeResult } from './core/probes.ts'

const DISCARD_PORT = 9
/** When the table is looked into, counted from the look before. A neighbour on a cable answers within 1 ms, one asleep on Wi-Fi takes longer. */
const LOOKS_AFTER_MS = [30, 70, 150, 250] as const
const REFUSED = new Set(['ECONNREFUSED', 'ECONNRESET'])

/**
 * Takes up to half a second.
 * @param from this machine's address on that wire
 * @returns undefined: nobody
 */
export async function probeAddress(yiaddr: string, from: string, clock: Clock): Promise<ProbeResult | undefined> {
  const old = (await neighbours()).get(yiaddr)
  let answered: string | undefined
  let wake = () => {}
  const find = (holder: string) => {
    answered = holder
    wake()
  }
  let door: DatagramDoor
  try {
    door = await openDoor({
      addresses: [from], port: 0, peer: { address: yiaddr, port: DISCARD_PORT },
      receive: () => find('a host that answers'),
      onError: error => { if (REFUSED.has(errnoOf(error) ?? '')) find('a host that refuses') },
    })
  } catch {
    return undefined // No way leads there, so nobody there can be heard.
  }
  try {
    door.send(door.pathTo({ address: yiaddr, port: DISCARD_PORT }), new Uint8Array(1))
    door.flush()
    for (const waitMs of LOOKS_AFTER_MS) {
      await new Promise<void>(resolve => {
        wake = resolve
        clock.wakeAt(clock.nowMs() + waitMs, resolve)
      })
      // The neighbour's own address says more than that somebody refused.
      const holder = (await neighbours()).get(yiaddr) ?? answered
      if (holder !== undefined && (old === undefined || answered !== undefined)) return { holder, isStale: false }
    }
    return old === undefined ? undefined : { holder: old, isStale: true }
  } finally {
    await door.close()
  }
}

async function neighbours(): Promise<Map<string, string>> {
  return parseArpTable(await readFile('/proc/net/arp', 'utf8').catch(() => ''))
}
