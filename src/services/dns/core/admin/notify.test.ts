import { expect, test } from 'vitest'
import type { Path } from '../../../kit/endpoint.ts'
import { seededRandom } from '../../../kit/random.ts'
import { decodeMessage, encodeMessage, type Message } from '../../wire/message.ts'
import { OPCODE } from '../../wire/types.ts'
import { withSerial } from '../zone/apex.ts'
import { Notifier } from './notify.ts'
import { Zone } from '../zone/zone.ts'

const SOA = new Zone().soa
const path = (address: string): Path => ({ local: { address: '127.0.0.1', port: 4000 }, interfaceName: '', peer: { address, port: 53 } })
const [ONE, TWO] = [path('192.0.2.1'), path('192.0.2.2')]

class Story {
  readonly notifier = new Notifier([ONE, TWO], seededRandom(1))
  readonly sent: { to: string; atMs: number; message: Message }[] = []
  readonly events: string[] = []
  nowMs = 0

  /** Advances the time from deadline to deadline, up to `untilMs`. */
  run(untilMs: number): this {
    while (this.notifier.deadlineMs() <= untilMs) {
      this.nowMs = this.notifier.deadlineMs()
      this.notifier.timeout(this.nowMs)
      this.drain()
    }
    this.nowMs = untilMs
    return this
  }

  drain(): void {
    for (const effect of this.notifier.outbox.splice(0)) {
      if (effect.kind === 'send') this.sent.push({ to: effect.path.peer.address, atMs: this.nowMs, message: decodeMessage(effect.bytes) })
      else if (effect.kind === 'event') this.events.push(`${effect.event.secondary.peer.address} ${effect.event.serial} ${effect.event.rcode}`)
    }
  }

  answer(from: Path, change: Partial<Message['header']> = {}): void {
    const message = this.sent.filter(({ to }) => to === from.peer.address).pop()?.message ?? expect.unreachable('it was notified')
    this.notifier.receive(encodeMessage({ ...message, header: { ...message.header, qr: true, ...change }, answers: [] }), from)
    this.drain()
  }
}

test('many changes within a second cause one message to each secondary, with the newest SOA', () => {
  const story = new Story()
  story.notifier.changed(SOA, 0)
  story.notifier.changed(withSerial(SOA, 9), 700)
  story.run(1500)
  expect(story.sent.map(({ to, atMs }) => [to, atMs])).toEqual([['192.0.2.1', 1000], ['192.0.2.2', 1000]])
  expect(story.sent[0]?.message).toMatchObject({ header: { opcode: OPCODE.NOTIFY, qr: false, aa: true }, questions: [{ name: 'home', type: 6 }], answers: [withSerial(SOA, 9)] })
})

test('a secondary that has responded is not notified again; one that has not is, with growing intervals, until the notifier gives up', () => {
  const story = new Story()
  story.notifier.changed(SOA, 0)
  story.run(1000).answer(ONE)
  story.run(1_000_000)
  expect(story.sent.map(({ to, atMs }) => [to, atMs])).toEqual([['192.0.2.1', 1000], ...[1000, 3000, 7000, 15_000, 31_000].map(atMs => ['192.0.2.2', atMs])])
  expect(story.events).toEqual(['192.0.2.1 1 NOERROR', '192.0.2.2 1 SILENT'])
  expect(story.notifier.deadlineMs()).toBe(Infinity)
})

test('any response code counts as a response, and is reported', () => {
  const story = new Story()
  story.notifier.changed(SOA, 0)
  story.run(1000).answer(TWO, { rcode: 5 })
  expect(story.events).toEqual(['192.0.2.2 1 REFUSED'])
})

test('another id, another opcode, a query, garbage and another peer do not count as a response', () => {
  const story = new Story()
  story.notifier.changed(SOA, 0)
  story.run(1000)
  const id = story.sent[0]?.message.header.id ?? 0
  for (const wrong of [{ id: id ^ 1 }, { opcode: 0 }, { qr: false }]) story.answer(ONE, wrong)
  story.notifier.receive(Uint8Array.from([id >>> 8, id & 255, 0xff]), ONE)
  story.notifier.receive(new Uint8Array(40), path('192.0.2.9'))
  expect(story.events).toEqual([])
})

test('a change while a message is in flight is announced by a new one, which the response to the old one does not settle', () => {
  const story = new Story()
  story.notifier.changed(SOA, 0)
  story.run(1000)
  story.notifier.changed(withSerial(SOA, 2), 1100)
  story.answer(ONE)
  story.run(2100).answer(ONE)
  expect(story.events).toEqual(['192.0.2.1 2 NOERROR'])
})
