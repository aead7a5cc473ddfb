import { expect, test } from 'vitest'
import { decodeRelayAgent } from './relay-agent.ts'

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16))

test('Link Selection and Server Identifier Override are found among other sub-options', () => {
  expect(decodeRelayAgent(bytesOf('0103aabbcc0504c00002010b04c0000208'))).toEqual({ linkSelection: 0xc0000201, serverIdentifierOverride: 0xc0000208 })
})

test('a missing option, a truncated sub-option and one of the wrong length are ignored', () => {
  const nothing = { linkSelection: undefined, serverIdentifierOverride: undefined }
  for (const option of [undefined, '', '05', '0504c00002', '0503c00002', '05ff']) {
    expect(decodeRelayAgent(option === undefined ? undefined : bytesOf(option))).toEqual(nothing)
  }
})
