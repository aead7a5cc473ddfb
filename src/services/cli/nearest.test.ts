import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

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
])('%j was meant to be %j', (word, meant) => {
  expect(nearest(word, known)).toBe(meant)
})
