import { expect, test } from 'vitest'
import { HamletError } from '../errors.ts'
import type { Machine } from '../machine.ts'
import type { Clock } from './clock.ts'
import { drive } from './drive.ts'
import type { Journal } from './journal.ts'
import type { DatagramDoor } from './udp/door.ts'

const NO_DOOR: DatagramDoor = { locals: [], send: () => undefined, sendTrain: () => undefined, flush: () => true, pathTo: () => expect.unreachable('nothing is sent'), close: () => Promise.resolve() }

/** A machine whose deadline the test sets, on a clock that the test moves. */
function driven() {
  let nowMs = 0
  let deadlineMs = Infinity
  const timeouts: number[] = []
  const timers: { atMs: number; wake: () => void }[] = []
  let made = 0
  const clock: Clock = {
    nowMs: () => nowMs,
    wakeAt(atMs, wake) {
      if (atMs === Infinity) return () => undefined
      const timer = { atMs, wake }
      made++
      timers.push(timer)
      return () => timers.splice(timers.indexOf(timer), 1)
    },
  }
  const machine: Machine<never> = {
    outbox: [], receive: () => undefined, deadlineMs: () => deadlineMs,
    timeout: atMs => {
      timeouts.push(atMs)
      deadlineMs = Infinity
    },
  }
  const driver = drive({ machine, door: () => NO_DOOR, clock, onEvent: () => undefined })
  return {
    timeouts,
    made: () => made,
    deadline(atMs: number) {
      deadlineMs = atMs
      driver.drain()
    },
    runUntil(atMs: number) {
      for (;;) {
        const due = timers.filter(timer => timer.atMs <= atMs).sort((left, right) => left.atMs - right.atMs)[0]
        if (due === undefined) break
        timers.splice(timers.indexOf(due), 1)
        nowMs = due.atMs
        due.wake()
      }
      nowMs = atMs
    },
  }
}

test('a machine is woken at its deadline, even if it has moved closer', () => {
  const { deadline, runUntil, timeouts } = driven()
  deadline(100)
  deadline(50)
  runUntil(200)
  expect(timeouts).toEqual([50])
})

test('a deadline that moves away with every datagram takes one timer, and the machine is not woken early', () => {
  const { deadline, runUntil, timeouts, made } = driven()
  for (let atMs = 100; atMs < 200; atMs++) deadline(atMs)
  expect(made()).toBe(1)
  runUntil(150)
  expect(timeouts).toEqual([])
  runUntil(300)
  expect([timeouts, made()]).toEqual([[199], 2])
})

test('a machine without a deadline is not woken', () => {
  const { deadline, runUntil, timeouts } = driven()
  deadline(100)
  deadline(Infinity)
  runUntil(1000)
  expect(timeouts).toEqual([])
})

/** A machine that persists records and sends a datagram after each, and a journal that completes when the test says so. */
function persisting() {
  const path = { local: { address: '127.0.0.1', port: 67 }, interfaceName: '', peer: { address: '127.0.0.1', port: 68 } }
  const persist = (record: string) => ({ kind: 'persist' as const, record, then: [{ kind: 'send' as const, path, bytes: new Uint8Array(1) }] })
  const machine: Machine<never, string> = { outbox: [], receive: () => undefined, timeout: () => undefined, deadlineMs: () => Infinity }
  const waiting: ((error: HamletError | undefined) => void)[] = []
  const journal: Journal<string> = { append: (_record, done) => waiting.push(done), compact: () => Promise.resolve(), close: () => Promise.resolve() }
  const happened: string[] = []
  const door = { ...NO_DOOR, send: () => happened.push('send'), flush: () => happened.push('flush') > 0 }
  const onDiskError = (error: Error) => happened.push(error.message)
  const driver = drive({ machine, journal, door: () => door, clock: { nowMs: () => 0, wakeAt: () => () => undefined }, onEvent: () => undefined, onDiskError })
  return {
    driver,
    persist(...records: string[]) {
      machine.outbox.push(...records.map(persist))
      driver.drain()
      happened.splice(0)
    },
    /** What happens once the records are durable, or the disk has failed. */
    async whenDurable(error?: HamletError): Promise<string[]> {
      for (const done of waiting.splice(0)) done(error)
      await Promise.resolve()
      return happened.splice(0)
    },
  }
}

test('the effects of records that become durable together leave in one flush, and not before, each time', async () => {
  const { persist, whenDurable } = persisting()
  persist('one', 'other')
  expect(await whenDurable()).toEqual(['send', 'send', 'flush'])
  persist('later')
  expect(await whenDurable()).toEqual(['send', 'flush'])
})

test('what depends on a record that could not be persisted never leaves, and the error is reported', async () => {
  const { persist, whenDurable } = persisting()
  persist('one')
  expect(await whenDurable(new HamletError({ code: 'disk-failed', what: 'not written', why: 'the disk is full', remedy: 'make room' }))).toEqual(['not written: the disk is full'])
  persist('other')
  expect(await whenDurable()).toEqual(['send', 'flush'])
})

test('a stopped driver sends nothing more, even if records become durable', async () => {
  const { driver, persist, whenDurable } = persisting()
  persist('one')
  driver.stop()
  expect(await whenDurable()).toEqual([])
})

test('a machine may reuse the memory of what it sent once the door is done with it, and not before', () => {
  let isFree = false
  let reused = 0
  const machine: Machine<never> = { outbox: [], receive: () => undefined, timeout: () => undefined, deadlineMs: () => Infinity, sent: () => { reused++ } }
  const driver = drive({ machine, door: () => ({ ...NO_DOOR, flush: () => isFree }), clock: { nowMs: () => 0, wakeAt: () => () => undefined }, onEvent: () => undefined })
  driver.drain()
  expect(reused).toBe(0)
  isFree = true
  driver.drain()
  expect(reused).toBe(1)
})

test('a batch is delivered at once, and its effects leave when the machine is drained', () => {
  const happened: string[] = []
  const path = { local: { address: '127.0.0.1', port: 1 }, interfaceName: '', peer: { address: '127.0.0.1', port: 2 } }
  const machine: Machine<string> = {
    outbox: [], timeout: () => undefined, deadlineMs: () => Infinity, settle: () => happened.push('settle') === 0,
    receive(bytes) {
      machine.outbox.push({ kind: 'event', event: `event ${bytes.length}` }, { kind: 'send', path, bytes: new Uint8Array(1) })
    },
  }
  const door = { ...NO_DOOR, send: () => happened.push('send'), flush: () => happened.push('flush') > 0 }
  const driver = drive({ machine, door: () => door, clock: { nowMs: () => 0, wakeAt: () => () => undefined }, onEvent: event => happened.push(event) })
  const noReplies = { replies: new Uint8Array(0), replyLengths: new Uint32Array(0) }
  driver.take({ count: 2, slab: new Uint8Array(5), offsets: Uint32Array.of(0, 3), lengths: Uint32Array.of(3, 2), path: () => path, peerHash: () => 0, ...noReplies })
  expect(happened).toEqual(['event 3', 'send', 'event 2', 'send'])
  driver.drain()
  expect(happened.slice(4)).toEqual(['settle', 'flush'])
})
