import { expect, test } from 'vitest'
import { decodeRelayAgent } from './relay-agent.ts'

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], pair => parseInt(pair, 16))

test('link selection and server identifier override are found among others', () => {
  expect(decodeRelayAgent(bytesOf('0103aabbcc0504c00002010b04c0000208'))).toEqual({ linkSelection: 0xc0000201, serverIdentifierOverride: 0xc0000208 })
})

test('what is cut, of another length or not there says nothing', () => {
  const nothing = { linkSelection: undefined, serverIdentifierOverride: undefined }
  for (const option of [undefined, '', '05', '0504c00002', '0503c00002', '05ff']) {
    expect(decodeRelayAgent(option === undefined ? undefined : bytesOf(option))).toEqual(nothing)
  }
})
