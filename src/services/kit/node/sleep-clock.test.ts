import { expect, test } from 'vitest'
import { SleepClock } from './sleep-clock.ts'
import { ManualClock } from './testing/manual-clock.ts'

/** A machine that sleeps when the test advances its uptime alone. */
class Machine {
  readonly steady = new ManualClock(1_000_000)
  uptimeMs = 500
  readonly clock = new SleepClock({
    clock: this.steady,
    uptimeMs: () => this.uptimeMs,
  })

  pass(ms: number): void {
    this.uptimeMs += ms
    this.steady.pass(ms)
  }
}

test('the clock includes every sleep of the machine', () => {
  const machine = new Machine()
  for (const passedMs of [3_610_000, 7_220_000]) {
    machine.uptimeMs += 3_600_000
    machine.pass(10_000)
    expect(machine.clock.nowMs()).toBe(1_000_000 + passedMs)
  }
})

test('a timer that came due during sleep fires once after it, and a canceled one never', () => {
  const machine = new Machine()
  const woken: string[] = []
  machine.clock.wakeAt(machine.clock.nowMs() + 3_600_000, () => woken.push('in an hour'))
  machine.clock.wakeAt(machine.clock.nowMs() + 7_200_000, () => woken.push('in two'))
  machine.clock.wakeAt(machine.clock.nowMs() + 3_600_000, () => woken.push('never'))()
  machine.uptimeMs += 3_600_000
  machine.pass(10_000)
  machine.pass(0)
  expect(woken).toEqual(['in an hour'])
  machine.pass(3_590_000)
  expect(woken).toEqual(['in an hour', 'in two'])
})

test('an uptime in whole seconds is not mistaken for sleep', () => {
  const machine = new Machine()
  machine.uptimeMs += 1_999
  machine.pass(10_000)
  expect(machine.clock.nowMs()).toBe(1_010_000)
})
