import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { afterEach, expect, test } from 'vitest'
import { loadBatchAddOn, type BatchAddOn } from './batch-add-on.ts'
import { ADDRESS_BYTES, encodePath } from './native-paths.ts'

const FILE = join(import.meta.dirname, '../../../../../.vite/native', `udp-${process.platform}-${process.arch}.node`)

const loaded = loadBatchAddOn()
if (!('addOn' in loaded)) throw new Error(`${loaded.why}; "node scripts/build.mjs cli" compiles it`)
const { addOn } = loaded

const address = (text: string, port = 0) => new Uint8Array(encodePath({ peer: { address: text, port }, interfaceIndex: 0, localAddress: '' }).buffer, 0, ADDRESS_BYTES)
const openSocket = () => addOn.open(address('127.0.0.1'), undefined, 0, '', () => undefined)
const openDescriptors = () => readdirSync('/proc/self/fd').length

const workers: Worker[] = []
afterEach(async () => { for (const worker of workers.splice(0)) await worker.terminate() })

/** Runs a script in a worker, an environment of its own, with `addOn` and `loopback` (the bytes of an address) in scope. */
function inWorker(script: string): Worker {
  const worker = new Worker(`
    const { parentPort } = require('node:worker_threads')
    const addOn = require(${JSON.stringify(FILE)})
    const loopback = Uint8Array.from(${JSON.stringify([...address('127.0.0.1')])})
    const to = port => { const bytes = loopback.slice(); bytes[2] = port >> 8; bytes[3] = port & 255; return bytes }
    const aim = port => new Uint8Array(addOn.sendPaths.buffer, addOn.sendPaths.byteOffset, 28).set(to(port))
    ${script}`, { eval: true })
  workers.push(worker)
  return worker
}

const next = (worker: Worker, event: string) => new Promise<unknown>(resolve => worker.once(event, resolve))

test('whatever the arguments, a call works or throws, and never crashes the process', () => {
  const socket = openSocket()
  const closed = openSocket()
  addOn.close(closed)
  const detached = new Uint8Array(28)
  structuredClone(detached, { transfer: [detached.buffer] })
  const value = fc.oneof(
    fc.constantFrom<unknown>(socket, closed, {}, null, undefined, () => undefined, '', 'lo', 'x'.repeat(5000), '\0', NaN, -1, 0, 1, 2, 64, 65, 2 ** 32, 2 ** 53, Symbol.iterator, 10n, [], new Float64Array(28),
      new Uint8Array(0), new Uint8Array(28), address('127.0.0.1'), address('::1'), address('127.0.0.1', 9), true, false, new Uint8Array(70_000), detached, new DataView(new ArrayBuffer(28)), new ArrayBuffer(28)),
    fc.uint8Array({ minLength: 28, maxLength: 28 }), fc.nat(70_000), fc.string({ maxLength: 20, size: 'max' }),
  )
  const calls = ['open', 'port', 'send', 'sendTrain', 'pause', 'close', 'interfaceName', 'interfaceIndex'] as const
  fc.assert(fc.property(fc.constantFrom(...calls), fc.array(value, { maxLength: 6 }), (name, values) => {
    if (name === 'close' && values[0] === socket) return
    for (const words of [addOn.sendPaths, addOn.sendOffsets, addOn.sendLengths]) words.fill(values.length * 0x10001001)
    const call = addOn[name] as (...values: unknown[]) => unknown
    let result: unknown
    try {
      result = call(...values)
    } catch (error) {
      expect(error).toBeInstanceOf(Error)
      return
    }
    if (name === 'open') addOn.close(result as ReturnType<BatchAddOn['open']>)
  }), { numRuns: 20_000 })
  expect(addOn.port(socket)).toBeGreaterThan(0)
  addOn.close(socket)
})

test('a datagram that would reach beyond the slab is refused', () => {
  const socket = openSocket()
  addOn.sendPaths.set(encodePath({ peer: { address: '127.0.0.1', port: 9 }, interfaceIndex: 0, localAddress: '' }))
  for (const [offset, length] of [[addOn.sendBytes.length, 1], [0, addOn.sendBytes.length + 1], [0xffffffff, 2], [1, 0xffffffff]] as const) {
    addOn.sendOffsets[0] = offset
    addOn.sendLengths[0] = length
    expect(() => addOn.send(socket, 1)).toThrow('beyond the slab')
  }
  addOn.close(socket)
})

test('a path of the other address family is refused', () => {
  const socket = openSocket()
  addOn.sendPaths.set(encodePath({ peer: { address: '::1', port: 9 }, interfaceIndex: 0, localAddress: '' }))
  addOn.sendLengths[0] = 0
  addOn.sendOffsets[0] = 0
  expect(() => addOn.send(socket, 1)).toThrow('family')
  expect(() => addOn.sendTrain(socket, new Uint8Array(10), 5)).toThrow('family')
  addOn.close(socket)
})

test('closing a socket twice is allowed, and sending on a closed one throws', () => {
  const socket = openSocket()
  addOn.close(socket)
  addOn.close(socket)
  expect(() => addOn.send(socket, 0)).toThrow('closed')
  expect(() => addOn.port(socket)).toThrow('closed')
})

test('opening and closing a thousand sockets leaks no descriptor', () => {
  const before = openDescriptors()
  for (let number = 0; number < 1000; number++) addOn.close(openSocket())
  expect(openDescriptors()).toBe(before)
})

test('a refusal by the system throws an error shaped like Node\'s own and leaks no descriptor', () => {
  const before = openDescriptors()
  expect(() => addOn.open(address('192.0.2.1'), undefined, 0, '', () => undefined)).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL', syscall: 'bind', message: 'bind EADDRNOTAVAIL' }))
  expect(() => addOn.open(address('127.0.0.1'), undefined, 0, 'no-such-wire', () => undefined)).toThrow(expect.objectContaining({ code: 'ENODEV', syscall: 'setsockopt' }))
  expect(openDescriptors()).toBe(before)
})

test('an interface is found by index and by name, and an unknown one is not', () => {
  expect(addOn.interfaceName(addOn.interfaceIndex('lo'))).toBe('lo')
  expect([addOn.interfaceIndex('no-such-wire'), addOn.interfaceIndex('x'.repeat(300)), addOn.interfaceName(999_999)]).toEqual([0, 0, ''])
})

test('an environment that exits closes the sockets it left open', async () => {
  const before = openDescriptors()
  const worker = inWorker(`
    addOn.open(loopback, undefined, 0, '', () => undefined)
    setImmediate(() => process.exit(0))`)
  await next(worker, 'exit')
  expect(openDescriptors()).toBe(before)
})

test('terminating an environment in the middle of its traffic harms no other', async () => {
  const socket = openSocket()
  const before = openDescriptors()
  for (let time = 0; time < 10; time++) {
    const worker = inWorker(`
      const receiver = count => {
        addOn.replyLengths.fill(9, 0, count)
        if (!reported) { reported = true; parentPort.postMessage('traffic') }
      }
      let reported = false
      const one = addOn.open(loopback, undefined, 0, '', receiver)
      const other = addOn.open(loopback, undefined, 0, '', receiver)
      aim(addOn.port(other))
      addOn.sendLengths[0] = 9
      addOn.send(one, 1)`)
    await next(worker, 'message')
    await worker.terminate()
  }
  await expect.poll(openDescriptors).toBe(before)
  expect(addOn.port(socket)).toBeGreaterThan(0)
  addOn.close(socket)
})

test('a script that transfers the slab away gets errors, and no memory is touched', async () => {
  const worker = inWorker(`
    process.on('uncaughtException', error => {
      const errors = [() => addOn.send(one, 0), () => addOn.sendTrain(one, new Uint8Array(1), 1), () => addOn.port(other)].map(call => {
        try { call(); return 'no error' } catch (error) { return error.message }
      })
      parentPort.postMessage([error.message, ...errors])
      addOn.close(one)
    })
    const one = addOn.open(loopback, undefined, 0, '', () => undefined)
    const other = addOn.open(loopback, undefined, 0, '', () => parentPort.postMessage('received'))
    aim(addOn.port(other))
    addOn.sendLengths[0] = 1
    addOn.send(one, 1)
    new MessageChannel().port1.postMessage('', [addOn.datagrams.buffer])`)
  const exit = next(worker, 'exit') // Listen now: the last message and the exit may arrive together.
  expect(await next(worker, 'message')).toEqual([
    'the slab of the batch add-on was transferred away: its socket is closed', 'the slab was transferred away', 'the slab was transferred away', 'the socket is closed',
  ])
  await exit
})

test('a receiver that transfers the slab away loses its socket, and no memory is touched', async () => {
  const worker = inWorker(`
    process.on('uncaughtException', error => { parentPort.postMessage(error.message); addOn.close(one) })
    const one = addOn.open(loopback, undefined, 0, '', () => undefined)
    const other = addOn.open(loopback, undefined, 0, '', count => {
      addOn.replyLengths.fill(1, 0, count)
      new MessageChannel().port1.postMessage('', [addOn.datagrams.buffer])
      const sender = require('node:dgram').createSocket('udp4')
      sender.send('more', addOn.port(other), '127.0.0.1', () => sender.close())
    })
    aim(addOn.port(other))
    addOn.sendLengths[0] = 1
    addOn.send(one, 1)`)
  const exit = next(worker, 'exit')
  expect(await next(worker, 'message')).toMatch(/transferred away/)
  await exit
})
