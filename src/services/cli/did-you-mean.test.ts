import { expect, test } from 'vitest'
import { didYouMean } from './did-you-mean.ts'

const known = ['tcp_port', 'udp_port', 'host', 'output', 'data']

test.each([
  ['tcp_port', 'tcp_port'],
  ['out', 'output'],
  ['outputs', 'output'],
  ['outptu', 'output'],
  ['ouput', 'output'],
  ['tpc_port', 'tcp_port'],
  ['hots', 'host'],
  ['xcp_port', 'tcp_port'],
  ['xdp_port', 'udp_port'],
  ['port', undefined],
  ['ho', undefined],
  ['nonsense', undefined],
  ['abc', undefined],
  ['', undefined],
  ['a'.repeat(5_000), undefined],
])('for %j it suggests %j', (word, meant) => {
  expect(didYouMean(word, known)).toBe(meant)
})
