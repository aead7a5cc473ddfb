import { expect, test } from 'vitest'
import { systemClock } from '../kit/node/clock.ts'
import { holderOf } from './conflict-probe.ts'

test('a host that refuses what is sent to it is somebody', async () => {
  expect(await holderOf('127.0.0.9', '127.0.0.1', systemClock)).toEqual({ holder: 'a host that refuses', isOld: false })
})

test('where no way leads is nobody', async () => {
  expect(await holderOf('240.0.0.1', '127.0.0.1', systemClock)).toBeUndefined()
})
