/**
 * Conflict detection: does a host already use an address? One UDP datagram to a port where nothing listens (9,
 * "discard") shows it, without the privileges that ICMP or ARP would need:
 *
 * - To send the datagram, the system resolves the address by ARP. If a host answers, it is in the ARP table afterwards,
 *   even if a firewall drops everything else. Linux exposes that table. But the system does not resolve an existing
 *   entry again at once; it does so some seconds after the datagram, and removes the entry if no host answers. So for
 *   such an address only a later probe gives a result.
 * - A host that receives the datagram rejects it, which the system reports to this socket. That works without an ARP
 *   table too.
 */
import { readFile } from 'node:fs/promises'
import type { Clock } from '../kit/node/clock.ts'
import { errnoOf } from '../kit/node/disk.ts'
import type { DatagramDoor } from '../kit/node/udp/door.ts'
import { openDoor } from '../kit/node/udp/open-door.ts'
import { parseArpTable } from './core/arp-table.ts'
import type { ProbeResult } from './core/probes.ts'

const DISCARD_PORT = 9
/**
 * When to read the ARP table, each counted from the time before. A host on a cable answers within 1 ms; one asleep on
 * Wi-Fi takes longer.
 */
const CHECK_AFTER_MS = [30, 70, 150, 250] as const
const REFUSED = new Set(['ECONNREFUSED', 'ECONNRESET'])

/**
 * Takes up to half a second.
 * @param from this machine's address on that link
 * @returns undefined if no host was found
 */
export async function probeAddress(yiaddr: string, from: string, clock: Clock): Promise<ProbeResult | undefined> {
  const earlier = (await arpTable()).get(yiaddr)
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
    return undefined // There is no route to the address.
  }
  try {
    door.send(door.pathTo({ address: yiaddr, port: DISCARD_PORT }), new Uint8Array(1))
    door.flush()
    for (const waitMs of CHECK_AFTER_MS) {
      await new Promise<void>(resolve => {
        wake = resolve
        clock.wakeAt(clock.nowMs() + waitMs, resolve)
      })
      // The hardware address says more than that some host refused.
      const holder = (await arpTable()).get(yiaddr) ?? answered
      if (holder !== undefined && (earlier === undefined || answered !== undefined)) return { holder, isStale: false }
    }
    return earlier === undefined ? undefined : { holder: earlier, isStale: true }
  } finally {
    await door.close()
  }
}

async function arpTable(): Promise<Map<string, string>> {
  return parseArpTable(await readFile('/proc/net/arp', 'utf8').catch(() => ''))
}
