import { expect, test, vi } from 'vitest'
import { closeReason, joined, packetOf } from '../testing/connections.ts'
import { bytesOf } from '../testing/transfer.ts'

// Four billion packets would take a day.
const NUMBER_MAX = vi.hoisted(() => 400)

vi.mock('../wire/packet.ts', async original => ({ ...await original<object>(), PACKET_NUMBER_MAX: NUMBER_MAX }))

test('no packet number exceeds the largest, and the peer learns that they have run out', () => {
  const numbers: number[] = []
  const { pair, server, theirs } = joined({ seed: 1, link: { delayMs: 20, loss: 0.02 }, tap: (side, bytes) => { if (side === 'server') numbers.push(packetOf(bytes).number) } })
  theirs.write(bytesOf(1_000_000, 1))
  pair.drain()
  pair.run(() => server.state === 'CLOSED', 10_000)
  expect(Math.max(...numbers)).toBeGreaterThan(NUMBER_MAX - 64)
  expect(Math.max(...numbers)).toBeLessThanOrEqual(NUMBER_MAX)
  expect([closeReason(pair.server.events), closeReason(pair.client.events)]).toEqual([['exhausted'], ['exhausted']])
})
