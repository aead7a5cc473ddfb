import { expect, test } from 'vitest'
import { parseIpPrefix } from '../../../kit/ip-prefix.ts'
import { parseAdminLine } from './admin.ts'
import { refusalOf } from './admin-access.ts'
import { Zone } from '../zone/zone.ts'

const prefixes = (...texts: string[]) => texts.map(text => parseIpPrefix(text) ?? expect.unreachable('a prefix'))
const NETWORKS = { own: ['192.168.1.1', 'fd00::1'], subnets: prefixes('192.168.1.0/24', 'fd00::/64'), allowed: prefixes('10.9.0.0/16') }
const ZONE = new Zone()
for (const line of ['REGISTER five.home 192.168.1.5', 'REGISTER six.home 192.168.1.6', 'REGISTER both.home 192.168.1.5', 'REGISTER both.home A 192.168.1.6',
  'REGISTER note.home TXT hello', 'REGISTER seven.home fd00::7']) {
  const command = parseAdminLine(line)
  if (command.verb === 'change') ZONE.apply(command.change)
}
const judge = (address: string, line: string, signedBy?: string) => refusalOf(parseAdminLine(line), { address, signedBy }, NETWORKS, ZONE)

test.each([
  // this machine
  ['127.0.0.1', 'REGISTER five.home 203.0.113.9'], ['::1', 'FLUSH'], ['192.168.1.1', 'LIST'], ['192.168.1.1', 'UNREGISTER six.home'],
  // an allowed network
  ['10.9.3.4', 'REGISTER five.home 203.0.113.9'], ['10.9.3.4', 'LIST'],
  // a machine on the local network
  ['192.168.1.5', 'REGISTER five.home 192.168.1.5'], ['192.168.1.5', 'REGISTER new.home 192.168.1.5'],
  ['192.168.1.5', 'REGISTER new.home A 192.168.1.5'], ['192.168.1.5', 'UNREGISTER five.home'], ['192.168.1.5', 'UNREGISTER five.home A'],
  ['192.168.1.5', 'REGISTER _http._tcp.five.home SRV 0 0 80 five.home'], ['192.168.1.5', 'UNREGISTER _http._tcp.FIVE.home SRV'], ['fd00::7', 'REGISTER seven.home FD00::7'],
])('%s may send %s', (address, line) => {
  expect(judge(address, line)).toBeUndefined()
})

test.each([
  ['192.168.1.5', 'LIST', /only register its own name/], ['192.168.1.5', 'FLUSH', /only register its own name/],
  ['192.168.1.5', 'REGISTER new.home 192.168.1.6', /not 192\.168\.1\.6/], ['192.168.1.5', 'REGISTER new.home fd00::5', /not fd00::5/],
  ['192.168.1.5', 'REGISTER six.home 192.168.1.5', /six\.home has records that are not the address of 192\.168\.1\.5/],
  ['192.168.1.5', 'REGISTER both.home 192.168.1.5', /both\.home has records/], ['192.168.1.5', 'UNREGISTER six.home', /six\.home has records/],
  ['192.168.1.5', 'UNREGISTER both.home A', /both\.home has records/], ['192.168.1.5', 'UNREGISTER note.home TXT', /note\.home has records/],
  ['192.168.1.5', 'REGISTER note.home 192.168.1.5', /note\.home has records/], ['192.168.1.5', 'REGISTER five.home TXT hi', /not TXT records/],
  ['192.168.1.5', 'REGISTER five.home CNAME six.home', /not CNAME records/], ['192.168.1.5', 'REGISTER home 192.168.1.5', /home has records/],
  ['192.168.1.5', 'REGISTER _http._tcp.six.home SRV 0 0 80 six.home', /six\.home has records/], ['192.168.1.5', 'REGISTER _http._tcp.five.home SRV 0 0 80 six.home', /must be five\.home/],
  ['192.168.1.5', 'REGISTER _http._tcp.none.home SRV 0 0 80 none.home', /none\.home is not registered/], ['192.168.1.5', 'UNREGISTER _http._tcp.five.home', /only services/],
  ['192.168.1.5', 'REGISTER _x._tcp.five.home 192.168.1.5', /only services/], ['fd00::8', 'REGISTER seven.home fd00::8', /seven\.home has records/],
  ['192.168.1.5', 'REGISTER www.example.org 192.168.1.5', /below home, not/], ['192.168.1.5', 'REGISTER *.home 192.168.1.5', /below home, not/], ['192.168.1.5', 'REGISTER a.*.home 192.168.1.5', /below home, not/],
  ['203.0.113.9', 'REGISTER new.home 203.0.113.9', /not in a network of this server/], ['fe80::1', 'LIST', /not in a network/],
  // One of this machine's own IPv6 addresses, which a neighbor can forge in a datagram
  ['fd00::1', 'LIST', /only register its own name/], ['fd00::1', 'REGISTER www.example.org 192.168.1.5', /below home, not/],
])('%s may not send %s', (address, line, reason) => {
  expect(judge(address, line)?.parts.why).toMatch(reason)
})

test('a signature permits everything, from anywhere', () => {
  for (const line of ['REGISTER six.home 203.0.113.9', 'UNREGISTER both.home', 'LIST', 'FLUSH']) expect(judge('203.0.113.9', line, 'laptop')).toBeUndefined()
})
