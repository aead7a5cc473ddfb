import { expect, test } from 'vitest'
import { systemClock } from '../kit/node/clock.ts'
import { probeAddress } from './conflict-probe.ts'

test('a host that rejects the datagram is found', async () => {
  expect(await probeAddress('127.0.0.9', '127.0.0.1', systemClock)).toEqual({ holder: 'a host that refuses', isStale: false })
})

test('without a route to the address no host is found', async () => {
  expect(await probeAddress('240.0.0.1', '127.0.0.1', systemClock)).toBeUndefined()
})
