/** Linux's table of neighbours, as `/proc/net/arp` tells it: which hardware address answered for which address on its wire. */

/** `0x2` in the table: the neighbour has answered. */
const ANSWERED = 0x2

/**
 * Hardware addresses by the address that they answered for.
 *
 *     IP address       HW type     Flags       HW address            Mask     Device
 *     192.0.2.7        0x1         0x2         02:00:5e:00:00:07     *        eth0
 */
export function parseArpTable(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const line of text.split('\n').slice(1)) {
    const [address, , flags, hardware] = line.split(/\s+/)
    if (address !== undefined && hardware !== undefined && (Number(flags) & ANSWERED) !== 0) found.set(address, hardware)
  }
  return found
}
