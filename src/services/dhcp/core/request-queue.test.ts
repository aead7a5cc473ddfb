import { expect, test } from 'vitest'
import { encodeMessage, MESSAGE_TYPE } from '../wire/message.ts'
import { PENDING_MAX, RequestQueue } from './request-queue.ts'

const path = { local: { address: '0.0.0.0', port: 67 }, interfaceName: '', peer: { address: '0.0.0.0', port: 68 } }
const message = (type: keyof typeof MESSAGE_TYPE, xid: number) => ({ path, bytes: encodeMessage({
  op: 1, htype: 1, hops: 0, xid, secs: 0, broadcast: false, ciaddr: 0, yiaddr: 0, siaddr: 0, giaddr: 0, chaddr: new Uint8Array(6), sname: '', file: '', options: { messageType: MESSAGE_TYPE[type] },
}) })
const next = (queue: RequestQueue) => {
  const bytes = queue.shift()?.bytes
  return bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset).getUint32(4)
}

test('DISCOVERs come last, and otherwise datagrams leave in the order of arrival', () => {
  const queue = new RequestQueue()
  queue.push(message('DISCOVER', 1))
  queue.push(message('REQUEST', 2))
  queue.push(message('DISCOVER', 3))
  queue.push(message('RELEASE', 4))
  expect([next(queue), next(queue), next(queue), next(queue), next(queue)]).toEqual([2, 4, 1, 3, undefined])
})

test('a full queue drops the oldest DISCOVER, and if there is none, the oldest datagram', () => {
  const queue = new RequestQueue()
  for (let xid = 0; xid < PENDING_MAX; xid++) expect(queue.push(message('DISCOVER', xid))).toBe(true)
  expect(queue.push(message('REQUEST', 5000))).toBe(false)
  expect([queue.length, next(queue), next(queue)]).toEqual([PENDING_MAX, 5000, 1])
  const requests = new RequestQueue()
  for (let xid = 0; xid < PENDING_MAX; xid++) requests.push(message('REQUEST', xid))
  expect([requests.push(message('DISCOVER', 6000)), requests.length, requests.push(message('REQUEST', 6001)), next(requests)]).toEqual([false, PENDING_MAX, false, 1])
})

test('ten thousand datagrams pass through a short queue', () => {
  const queue = new RequestQueue()
  for (let xid = 0; xid < 10_000; xid++) {
    queue.push(message(xid % 2 === 0 ? 'DISCOVER' : 'REQUEST', xid))
    expect(next(queue)).toBe(xid)
  }
})

test('truncated datagrams and those that are not DHCP are queued with the other messages', () => {
  const queue = new RequestQueue()
  queue.push(message('DISCOVER', 1))
  for (const bytes of [new Uint8Array(0), new Uint8Array(241), message('DISCOVER', 2).bytes.subarray(0, 242)]) queue.push({ path, bytes })
  expect([queue.shift()?.bytes.length, queue.shift()?.bytes.length, queue.shift()?.bytes.length]).toEqual([0, 241, 242])
})
