// A host with two addresses and `--host 0.0.0.0`: a query to either address must be answered from that address.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { emptyFolder, RunningHamlet } from '../support/hamlet.ts'
import { createNetwork, run, type Network } from '../support/namespaces.ts'

/** One address on the client's network, and one on another network, which the client reaches via the first. */
const NEAR = '10.77.0.1'
const FAR = '10.78.0.1'
const FAR_V6 = 'fd78::1'

let network: Network
let host = ''
let client = ''
let dns: RunningHamlet | undefined

beforeAll(async () => {
  network = createNetwork({ host: `${NEAR}/24`, client: '10.77.0.2/24' })
  host = network.namespaces['host'] ?? ''
  client = network.namespaces['client'] ?? ''
  for (const [namespace, ...args] of [
    [host, 'link', 'add', 'far', 'type', 'veth', 'peer', 'name', 'far-end'], [host, 'link', 'set', 'far', 'up'], [host, 'link', 'set', 'far-end', 'up'], [host, 'address', 'add', `${FAR}/24`, 'dev', 'far'],
    [client, 'route', 'add', '10.78.0.0/24', 'via', NEAR],
    [host, 'address', 'add', 'fd77::1/64', 'dev', 'eth0', 'nodad'], [host, 'address', 'add', `${FAR_V6}/64`, 'dev', 'far', 'nodad'],
    [client, 'address', 'add', 'fd77::2/64', 'dev', 'eth0', 'nodad'], [client, 'route', 'add', 'fd78::/64', 'via', 'fd77::1'],
  ] as const) run(namespace, 'ip', ...args)
  dns = await startOn('0.0.0.0')
  const register = "const s=require('dgram').createSocket('udp4');s.on('message',m=>{console.log(String(m));s.close()});s.send('REGISTER my-app.home 192.168.1.50',5354,'127.0.0.1')"
  expect(run(host, process.execPath, '-e', register)).toMatch(/^OK /)
})
afterAll(async () => {
  await dns?.stop()
  network.remove()
})

const data = emptyFolder()

async function startOn(address: string): Promise<RunningHamlet> {
  const started = new RunningHamlet(['dns', '--host', address, '--data', data], { namespace: host })
  await started.line(/^Waiting for requests\.\.\.$/)
  return started
}

/** dig rejects an answer from an address that it did not query: it exits with status 9, and this throws. */
const dig = (...args: string[]) => run(client, 'dig', '+tries=1', '+time=5', ...args)
const kdig = (...args: string[]) => run(client, 'kdig', '+retry=0', '+time=5', ...args)

test.each([NEAR, FAR])('dig on the client gets its answer from %s, which it queried', address => {
  const answer = dig(`@${address}`, 'my-app.home')
  expect(answer).toMatch(/^my-app\.home\.\s+\d+\s+IN\s+A\s+192\.168\.1\.50$/m)
  expect(answer).toContain(`;; SERVER: ${address}#53(${address}) (UDP)`)
  expect(answer).not.toMatch(/unexpected source|malformed|warning/i)
})

test('the same from the host itself, on all its addresses', () => {
  for (const address of ['127.0.0.1', NEAR, FAR]) expect(run(host, 'dig', `@${address}`, '+tries=1', '+short', 'my-app.home')).toBe('192.168.1.50\n')
})

test.each([
  ['over TCP', '+tcp'], ['without EDNS', '+noedns'], ['with a small buffer', '+bufsize=512'], ['with DNSSEC wanted', '+dnssec'], ['without recursion', '+norecurse'],
  ['without a cookie', '+nocookie'], ['with a client subnet', '+subnet=10.77.0.0/24'], ['with an unknown option', '+ednsopt=65002:c0ffee'], ['with checking off', '+cdflag'],
  ['with mixed case', 'My-App.HOME', 'A'],
])('dig %s gets it from either address', (_how, ...args) => {
  for (const address of [NEAR, FAR]) expect(dig(`@${address}`, '+short', 'my-app.home', ...args)).toMatch(/^(192\.168\.1\.50\n)+$/)
})

test.each([['over UDP'], ['over TCP', '+tcp'], ['with EDNS and padding', '+edns', '+padding=64'], ['on a connection that stays open', '+keepopen']])('kdig %s gets it from either address', (_how, ...args) => {
  for (const address of [NEAR, FAR]) {
    const answer = kdig(`@${address}`, 'my-app.home', ...args)
    expect(answer).toMatch(/^my-app\.home\.\s+\d+\s+IN\s+A\s+192\.168\.1\.50$/m)
    expect(answer).toContain(`;; From ${address}@53`)
    expect(answer).not.toMatch(/warning|malformed/i)
  }
})

test('with --host :: it also answers from each IPv6 address', async () => {
  await dns?.stop()
  dns = await startOn('::')
  for (const address of ['fd77::1', FAR_V6, NEAR, FAR]) expect(dig(`@${address}`, '+short', 'my-app.home')).toBe('192.168.1.50\n')
})

test('a new address of the host answers within seconds, and losing an address affects no other', async () => {
  const LATER = '10.78.0.9'
  run(host, 'ip', 'address', 'add', `${LATER}/24`, 'dev', 'far')
  await expect.poll(() => digStatus(`@${LATER}`, '+short', 'my-app.home'), { timeout: 20_000, interval: 250 }).toBe('192.168.1.50\n')
  for (const address of [NEAR, FAR]) expect(dig(`@${address}`, '+short', 'my-app.home')).toBe('192.168.1.50\n')
  run(host, 'ip', 'address', 'delete', `${LATER}/24`, 'dev', 'far')
  for (const address of [NEAR, FAR]) expect(dig(`@${address}`, '+short', 'my-app.home', '+tcp')).toBe('192.168.1.50\n')
})

/** Like dig, but returns a failure as text. */
function digStatus(...args: string[]): string {
  try {
    return run(client, 'dig', '+tries=1', '+time=1', ...args)
  } catch (error) {
    return String(error)
  }
}
