import { expect, test } from 'vitest'
import { ManualClock } from '../kit/node/testing/manual-clock.ts'
import { LeaseClock } from './lease-clock.ts'

/** The three clocks of a machine, moved by hand. */
class Machine {
  readonly steady = new ManualClock(1_000_000)
  wallMs = 1_000_000
  uptimeMs = 500
  readonly setBy: number[] = []
  readonly clock = new LeaseClock({
    clock: this.steady,
    wallMs: () => this.wallMs, uptimeMs: () => this.uptimeMs, onSet: byMs => this.setBy.push(byMs),
  })

  pass(ms: number): void {
    this.wallMs += ms
    this.uptimeMs += ms
    this.steady.pass(ms)
  }
}

test('while all clocks agree, it agrees with them', () => {
  const machine = new Machine()
  machine.pass(60_000)
  expect([machine.clock.nowMs(), machine.setBy]).toEqual([1_060_000, []])
})

test('time spent asleep has passed', () => {
  const machine = new Machine()
  machine.wallMs += 3_600_000
  machine.uptimeMs += 3_600_000
  machine.pass(10_000)
  expect([machine.clock.nowMs(), machine.setBy]).toEqual([4_610_000, []])
})

test('an alarm that came due during sleep goes off once afterwards, and none goes off early', () => {
  const machine = new Machine()
  const woken: string[] = []
  const wakeIn = (ms: number, name: string) => machine.clock.wakeAt(machine.clock.nowMs() + ms, () => woken.push(name))
  wakeIn(3_600_000, 'in an hour')
  wakeIn(7_200_000, 'in two')
  wakeIn(3_600_000, 'never')()
  machine.wallMs += 3_600_000
  machine.uptimeMs += 3_600_000
  machine.pass(10_000)
  machine.pass(0)
  expect(woken).toEqual(['in an hour'])
  machine.pass(3_589_999)
  expect(woken).toEqual(['in an hour'])
  machine.pass(1)
  expect(woken).toEqual(['in an hour', 'in two'])
})

test.each([{ name: 'forward', byMs: 86_400_000 }, { name: 'back', byMs: -86_400_000 }])('a wall clock set $name moves the clock with it, and is reported', ({ byMs }) => {
  const machine = new Machine()
  machine.wallMs += byMs
  machine.pass(10_000)
  expect([machine.clock.nowMs(), machine.setBy]).toEqual([1_010_000 + byMs, [byMs]])
  machine.pass(10_000)
  expect(machine.setBy).toHaveLength(1)
})

test('sleep is told apart from a clock that was set meanwhile, twice', () => {
  const machine = new Machine()
  for (let round = 1; round <= 2; round++) {
    machine.wallMs += 100_000 + 5_000
    machine.uptimeMs += 100_000
    machine.pass(10_000)
    expect([machine.clock.nowMs(), machine.setBy.length, machine.setBy.at(-1)]).toEqual([1_000_000 + round * 115_000, round, 5_000])
  }
})

test('a small drift is not a jump', () => {
  const machine = new Machine()
  machine.wallMs += 1_900
  machine.pass(10_000)
  expect([machine.clock.nowMs(), machine.setBy]).toEqual([1_010_000, []])
})

test('an alarm goes by this clock, not by the wall clock', () => {
  const machine = new Machine()
  machine.wallMs += 86_400_000
  machine.pass(10_000)
  let woken = 0
  machine.clock.wakeAt(machine.clock.nowMs() + 5_000, () => { woken = machine.steady.nowMs() })
  machine.pass(5_000)
  expect(woken).toBe(1_015_000)
})
