import { expect, test } from 'vitest'
import { isPublicAddress, isUnder, judgeConnect } from './connect-policy.ts'

const domains = ['home']
// This needs a real public address, since the documentation addresses are not public: 9.9.9.9 stands for the internet.
const PUBLIC = '9.9.9.9'

test('a tunnel to our own names may use any port', () => {
  expect(judgeConnect({ host: 'my-app.home', port: 80, addresses: ['192.168.1.10'], domains })).toEqual({ allowed: true, own: true })
  expect(judgeConnect({ host: 'printer.lab', port: 8443, addresses: ['10.0.0.3'], domains })).toEqual({ allowed: true, own: true })
  expect(judgeConnect({ host: 'my-app.home', port: 80, addresses: [PUBLIC], domains })).toEqual({ allowed: true, own: true })
})

test('a tunnel to the public internet may use port 443 only', () => {
  expect(judgeConnect({ host: 'example.org', port: 443, addresses: [PUBLIC], domains })).toEqual({ allowed: true, own: false })
  expect(judgeConnect({ host: PUBLIC, port: 443, addresses: [PUBLIC], domains })).toEqual({ allowed: true, own: false })
  for (const port of [22, 25, 80, 8443]) {
    const why = `example.org is outside this network, where tunnels may use port 443 only, not ${port}`
    expect(judgeConnect({ host: 'example.org', port, addresses: [PUBLIC], domains })).toEqual({ allowed: false, why })
  }
})

test('no tunnel leads to an address of this network, whatever the port', () => {
  for (const address of ['127.0.0.1', '192.168.1.1', '169.254.169.254', '::1', 'fe80::1', 'fd00::1', '::ffff:192.168.1.1', '64:ff9b::c0a8:101']) {
    const why = `${address} is an address of this network, where tunnels may use names only`
    for (const port of [22, 80, 443]) expect(judgeConnect({ host: address, port, addresses: [address], domains })).toEqual({ allowed: false, why })
  }
})

test('a name with addresses both inside and outside is neither our own nor public', () => {
  const why = 'example.org has addresses both inside and outside this network'
  expect(judgeConnect({ host: 'example.org', port: 443, addresses: [PUBLIC, '192.168.1.1'], domains })).toEqual({ allowed: false, why })
})

test('a name under any of several domains is our own', () => {
  expect(judgeConnect({ host: 'my-app.home', port: 80, addresses: [PUBLIC], domains: ['lab', 'home'] })).toEqual({ allowed: true, own: true })
})

test.each([
  ['0.0.0.0', '0.255.255.255', '', '1.0.0.0'], ['10.0.0.0', '10.255.255.255', '9.255.255.255', '11.0.0.0'], ['100.64.0.0', '100.127.255.255', '100.63.255.255', '100.128.0.0'],
  ['127.0.0.0', '127.255.255.255', '126.255.255.255', '128.0.0.0'], ['169.254.0.0', '169.254.255.255', '169.253.255.255', '169.255.0.0'],
  ['172.16.0.0', '172.31.255.255', '172.15.255.255', '172.32.0.0'], ['192.0.0.0', '192.0.0.255', '191.255.255.255', '192.0.1.0'], ['192.0.2.0', '192.0.2.255', '192.0.1.255', '192.0.3.0'],
  ['192.168.0.0', '192.168.255.255', '192.167.255.255', '192.169.0.0'], ['198.18.0.0', '198.19.255.255', '198.17.255.255', '198.20.0.0'],
  ['198.51.100.0', '198.51.100.255', '198.51.99.255', '198.51.101.0'], ['203.0.113.0', '203.0.113.255', '203.0.112.255', '203.0.114.0'], ['224.0.0.0', '255.255.255.255', '223.255.255.255', ''],
  ['::', '1fff:ffff::', '', '2000::'], ['2001::', '2001:0:ffff::', '2000:ffff::', '2001:1::'], ['2001:db8::', '2001:db8:ffff::', '2001:db7:ffff::', '2001:db9::'],
  ['2002::', '2002:ffff::', '2001:ffff::', '2003::'], ['3fff::', '3fff:fff:ffff::', '3ffe:ffff::', '3fff:1000::'], ['4000::', 'ffff::', '3fff:ffff::', ''],
])('%s to %s are not public, and the addresses before and after are', (first, last, before, behind) => {
  expect([first, last, before, behind].filter(address => address !== '').map(isPublicAddress)).toEqual([false, false, ...[before, behind].filter(address => address !== '').map(() => true)])
})

test('a name is matched to a domain by whole labels', () => {
  expect(isUnder('My-App.HOME.', 'home')).toBe(true)
  expect(isUnder('home', 'home.')).toBe(true)
  expect(isUnder('evilhome', 'home')).toBe(false)
  expect(isUnder('home.example.org', 'home')).toBe(false)
  expect(isUnder('example.org', '')).toBe(false)
})
