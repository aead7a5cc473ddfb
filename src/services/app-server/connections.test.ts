import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Connections, type Connection } from './connections.ts'
import { LIMITS } from './limits.ts'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

const clock = { nowMs: () => Date.now(), wakeAt: () => () => undefined }

/** An open connection; the test sets how many bytes it has received. */
function connect(): { connections: Connections; connection: Connection; slow: Connection[]; socket: PassThrough & { bytesRead: number } } {
  const slow: Connection[] = []
  const connections = new Connections({ limits: LIMITS, clock, setRow: () => undefined, onSlow: connection => slow.push(connection) })
  const socket = Object.assign(new PassThrough(), { bytesRead: 0 })
  const connection = connections.open(socket, 'tcp')
  if (connection === undefined) throw new Error('the server is full')
  return { connections, connection, slow, socket }
}

test('the body of a later request gets the full timeout, however old the connection is', () => {
  const { connections, connection, slow } = connect()
  for (let ageMs = 0; ageMs <= LIMITS.requestTimeoutMs; ageMs += 10_000) {
    connections.requestBegan(connection)
    connections.requestReceived(connection)
    connections.responseEnded(connection, 1)
    vi.advanceTimersByTime(10_000)
  }
  connections.requestBegan(connection)
  vi.advanceTimersByTime(LIMITS.requestTimeoutMs - 1000)
  expect(slow).toEqual([])
  vi.advanceTimersByTime(2000)
  expect(slow[0]).toBe(connection)
  connections.close()
})

test('the time that a slow head took counts towards the timeout of its body', () => {
  const { connections, connection, slow, socket } = connect()
  connections.requestBegan(connection)
  connections.requestReceived(connection)
  connections.responseEnded(connection, 1)
  socket.bytesRead = 100
  vi.advanceTimersByTime(LIMITS.headersTimeoutMs - 1000)
  connections.requestBegan(connection)
  vi.advanceTimersByTime(LIMITS.requestTimeoutMs - LIMITS.headersTimeoutMs)
  expect(slow).toEqual([])
  vi.advanceTimersByTime(2000)
  expect(slow[0]).toBe(connection)
  connections.close()
})
