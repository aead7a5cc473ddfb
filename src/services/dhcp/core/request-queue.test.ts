import { expect, test } from 'vitest'
import { encodeMessage, MESSAGE_TYPE } from '../wire/message.ts'
import { PENDING_MAX, RequestQueue } from './request-queue.ts'

const path = { local: { address: '0.0.0.0', port: 67 }, interfaceName: '', peer: { address: '0.0.0.0', port: 68 } }
const message = (type: keyof typeof MESSAGE_TYPE, xid: number) => ({ path, bytes: encodeMessage({
  op: 1, htype: 1, hops: 0, xid, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, chaddr: new Uint8Array(6), sname: '', file: '', options: { messageType: MESSAGE_TYPE[type] },
}) })
const next = (line: RequestQueue) => {
  const bytes = line.shift()?.bytes
  return bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset).getUint32(4)
}

test('those who end an exchange come first, each kind in the order of arrival', () => {
  const line = new RequestQueue()
  line.push(message('DISCOVER', 1))
  line.push(message('REQUEST', 2))
  line.push(message('DISCOVER', 3))
  line.push(message('RELEASE', 4))
  expect([next(line), next(line), next(line), next(line), next(line)]).toEqual([2, 4, 1, 3, undefined])
})

test('in a full line the oldest DISCOVER gives way, and only where there is none the oldest of all', () => {
  const line = new RequestQueue()
  for (let xid = 0; xid < PENDING_MAX; xid++) expect(line.push(message('DISCOVER', xid))).toBe(true)
  expect(line.push(message('REQUEST', 5000))).toBe(false)
  expect([line.length, next(line), next(line)]).toEqual([PENDING_MAX, 5000, 1])
  const requests = new RequestQueue()
  for (let xid = 0; xid < PENDING_MAX; xid++) requests.push(message('REQUEST', xid))
  expect([requests.push(message('DISCOVER', 6000)), requests.length, requests.push(message('REQUEST', 6001)), next(requests)]).toEqual([false, PENDING_MAX, false, 1])
})

test('ten thousand pass through a line that stays short', () => {
  const line = new RequestQueue()
  for (let xid = 0; xid < 10_000; xid++) {
    line.push(message(xid % 2 === 0 ? 'DISCOVER' : 'REQUEST', xid))
    expect(next(line)).toBe(xid)
  }
})

test('what is cut or no message at all waits with the others', () => {
  const line = new RequestQueue()
  line.push(message('DISCOVER', 1))
  for (const bytes of [new Uint8Array(0), new Uint8Array(241), message('DISCOVER', 2).bytes.subarray(0, 242)]) line.push({ path, bytes })
  expect([line.shift()?.bytes.length, line.shift()?.bytes.length, line.shift()?.bytes.length]).toEqual([0, 241, 242])
})
