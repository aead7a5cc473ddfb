/** A neighbor that forges this machine's own address as the sender: what arrives, and what it can do. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, type Network } from '../support/namespaces.ts'
import { nsupdateIn } from '../support/nsupdate.ts'

const IPV4 = '10.77.0.1'
const IPV6 = '2001:db8:77::1'
const ADMIN_PORT = '5354'

/** Arguments: the server's hardware address, then source, destination, port and payload in hex of one datagram. */
const FORGE = `
import socket, struct, sys
mac, source, destination, port, payload = sys.argv[1:]
def checksum(octets):
    octets += b'\\0' * (len(octets) % 2)
    total = sum(struct.unpack('!%dH' % (len(octets) // 2), octets))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(('eth0', 0))
data = bytes.fromhex(payload)
udp = struct.pack('!HHHH', 4000, int(port), 8 + len(data), 0) + data
family = socket.AF_INET6 if ':' in source else socket.AF_INET
ends = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
if family == socket.AF_INET6:
    udp = udp[:6] + struct.pack('!H', checksum(ends + struct.pack('!II', len(udp), 17) + udp)) + udp[8:]
    header = struct.pack('!IHBB', 6 << 28, len(udp), 17, 64) + ends
else:
    header = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + ends
    header = header[:10] + struct.pack('!H', checksum(header)) + header[12:]
wire.send(bytes.fromhex(mac.replace(':', '')) + wire.getsockname()[4] + (b'\\x86\\xdd' if family == socket.AF_INET6 else b'\\x08\\x00') + header + udp)`

let network: Network
let server: RunningHamlet
const host = () => network.namespaces['server']
const events = () => server.stdout.split('\n').filter(line => line.startsWith('{"event"')).map(line => JSON.parse(line) as Record<string, unknown>)
const refused = () => events().filter(({ event }) => event === 'refused').map(({ client, asked }) => `${String(client)} ${String(asked)}`)
const has = (name: string) => run(host(), 'dig', `@${IPV4}`, '+tries=1', '+time=2', '+short', name).trim()

function forge(source: string, destination: string, port: string, payload: Uint8Array): void {
  const mac = run(host(), 'cat', '/sys/class/net/eth0/address').trim()
  run(network.namespaces['neighbour'], 'python3', '-c', FORGE, mac, source, destination, port, Buffer.from(payload).toString('hex'))
}

/** An UPDATE of `home` that adds NAME A 192.0.2.66, by hand: RFC 2136 §2. */
function updateOf(label: string): Uint8Array {
  const zone = [4, ...Buffer.from('home'), 0, 0, 6, 0, 1]
  return Uint8Array.from([0, 1, 0x28, 0, 0, 1, 0, 0, 0, 1, 0, 0, ...zone, label.length, ...Buffer.from(label), 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 66])
}

beforeAll(async () => {
  network = createNetwork({ server: `${IPV4}/24`, neighbour: '10.77.0.2/24' })
  for (const [machine, address] of [['server', IPV6], ['neighbour', '2001:db8:77::2']] as const) run(network.namespaces[machine], 'ip', 'address', 'add', `${address}/64`, 'dev', 'eth0', 'nodad')
  server = new RunningHamlet(['dns', '--host', '::', '--admin_host', '::', '--local_update', '--upstream', '127.0.0.1:9', '--json', '--data', emptyFolder()], { namespace: host() })
  await server.line(/Waiting for requests/)
}, 60_000)
afterAll(async () => {
  await server.stop()
  network.remove()
})

test('with this machine\'s own IPv4 address nothing arrives: the system drops it, whatever rp_filter says', async () => {
  forge(IPV4, IPV4, '53', updateOf('four'))
  forge(IPV4, IPV4, ADMIN_PORT, Buffer.from('REGISTER four.home 192.0.2.66'))
  forge('10.77.0.2', IPV4, ADMIN_PORT, Buffer.from('REGISTER honest.example.org 192.0.2.66')) // sent after them, and does arrive
  await expect.poll(refused).toEqual(['10.77.0.2:4000 REGISTER honest.example.org'])
  expect(has('four.home')).toBe('')
})

test('with this machine\'s own IPv6 address it arrives, but is not trusted', async () => {
  forge(IPV6, IPV6, '53', updateOf('six'))
  forge(IPV6, IPV6, ADMIN_PORT, Buffer.from('REGISTER six.home 192.0.2.66'))
  await expect.poll(refused).toEqual(expect.arrayContaining([`[${IPV6}]:4000 UPDATE home`, `[${IPV6}]:4000 REGISTER six.home`]))
  expect(has('six.home')).toBe('')
})

test('programs on this machine are trusted over IPv4, over loopback, and over IPv6 with TCP', () => {
  for (const [index, to] of [IPV4, '127.0.0.1', '::1'].entries()) expect(nsupdateIn(host(), to, 53, [`update add n${index}.home 60 A 192.0.2.1`]), to).toBe('NOERROR')
  expect(nsupdateIn(host(), IPV6, 53, ['update add n3.home 60 A 192.0.2.1'], '-v')).toBe('NOERROR')
  expect(nsupdateIn(host(), IPV6, 53, ['update add n4.home 60 A 192.0.2.1'])).toContain('REFUSED')
})
