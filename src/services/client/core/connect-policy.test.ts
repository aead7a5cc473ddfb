import { expect, test } from 'vitest'
import { isPublicAddress, isUnder, judgeConnect } from './connect-policy.ts'

const domains = ['home']
// A real public address is needed here: those for documentation are not public. 9.9.9.9 stands for the internet.
const PUBLIC = '9.9.9.9'

test('our own names may be tunnelled to on any port', () => {
  expect(judgeConnect({ host: 'my-app.home', port: 80, addresses: ['192.168.1.10'], domains })).toEqual({ allowed: true, own: true })
  expect(judgeConnect({ host: 'printer.lab', port: 8443, addresses: ['10.0.0.3'], domains })).toEqual({ allowed: true, own: true })
  expect(judgeConnect({ host: 'my-app.home', port: 80, addresses: [PUBLIC], domains })).toEqual({ allowed: true, own: true })
})

test('the public internet may be tunnelled to on port 443 and on no other', () => {
  expect(judgeConnect({ host: 'example.org', port: 443, addresses: [PUBLIC], domains })).toEqual({ allowed: true, own: false })
  expect(judgeConnect({ host: PUBLIC, port: 443, addresses: [PUBLIC], domains })).toEqual({ allowed: true, own: false })
  for (const port of [22, 25, 80, 8443]) expect(judgeConnect({ host: 'example.org', port, addresses: [PUBLIC], domains }).allowed, String(port)).toBe(false)
})

test('an address of this network is no way in, whatever its port', () => {
  for (const address of ['127.0.0.1', '192.168.1.1', '169.254.169.254', '::1', 'fe80::1', 'fd00::1', '::ffff:192.168.1.1', '64:ff9b::c0a8:101']) {
    for (const port of [22, 80, 443]) expect(judgeConnect({ host: address, port, addresses: [address], domains }).allowed, address).toBe(false)
  }
})

test('a name that is partly here and partly outside is neither our own nor public', () => {
  expect(judgeConnect({ host: 'example.org', port: 443, addresses: [PUBLIC, '192.168.1.1'], domains }).allowed).toBe(false)
})

test('special networks are told from public ones at their borders', () => {
  const inside = ['0.1.2.3', '10.255.255.255', '100.64.0.0', '127.9.9.9', '172.16.0.0', '172.31.255.255', '192.0.2.1', '198.19.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '2002:c0a8:101::', '2001:0:1::', '2001:db8::1', 'ff02::1']
  const outside = ['9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '193.0.0.1', '223.255.255.255', '2606:4700::1111']
  expect(inside.filter(isPublicAddress)).toEqual([])
  expect(outside.filter(address => !isPublicAddress(address))).toEqual([])
})

test('a name is under a domain by whole labels', () => {
  expect(isUnder('My-App.HOME.', 'home')).toBe(true)
  expect(isUnder('home', 'home.')).toBe(true)
  expect(isUnder('evilhome', 'home')).toBe(false)
  expect(isUnder('home.example.org', 'home')).toBe(false)
  expect(isUnder('example.org', '')).toBe(false)
})
