import { expect, test } from 'vitest'
import { isWholeAddress, parseReverseName } from './reverse-name.ts'

test.each([
  ['1.2.0.192.in-addr.arpa', [192, 0, 2, 1], 32], ['2.0.192.IN-ADDR.ARPA', [192, 0, 2, 0], 24], ['10.in-addr.arpa', [10, 0, 0, 0], 8],
  [`1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`, [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128], ['d.0.1.0.0.2.ip6.arpa', [0x20, 0x01, 0x0d, ...Array<number>(13).fill(0)], 24],
  ['0.2.ip6.arpa', [0x20, ...Array<number>(15).fill(0)], 8], ['1.0.2.ip6.arpa', [0x20, 0x10, ...Array<number>(14).fill(0)], 12],
] as const)('%s encodes an address or a prefix', (name, octets, bits) => {
  const prefix = parseReverseName(name) ?? expect.unreachable('it is a reverse name')
  expect([[...prefix.address], prefix.bits, isWholeAddress(prefix)]).toEqual([octets, bits, bits === octets.length * 8])
})

test.each(['home', 'in-addr.arpa', '256.in-addr.arpa', '01.in-addr.arpa', '1.1.2.0.192.in-addr.arpa', 'x.192.in-addr.arpa', '10.ip6.arpa', 'g.ip6.arpa', '1.in-addr.arpa.home', `${'0.'.repeat(33)}ip6.arpa`])(
  '%s is not a reverse name', name => expect(parseReverseName(name)).toBeUndefined())
