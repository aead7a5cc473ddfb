/**
 * Linux's ARP table, as printed by `/proc/net/arp`: which hardware address answered for which IP address on its link.
 */

/** The flag ATF_COM of <linux/if_arp.h>: the entry is complete, since the neighbor has answered. */
const COMPLETE = 0x2

/**
 * Hardware addresses by IP address, of the complete entries:
 *
 *     IP address       HW type     Flags       HW address            Mask     Device
 *     192.0.2.7        0x1         0x2         02:00:5e:00:00:07     *        eth0
 */
export function parseArpTable(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of text.split('\n').slice(1)) {
    const [address, , flags, hardware] = line.split(/\s+/)
    if (address !== undefined && hardware !== undefined && (Number(flags) & COMPLETE) !== 0) found.set(address, hardware)
  }
  return found
}
