/** A datagram door in a separate process, and so in a separate namespace. Both halves are here: the one a test uses, and the one that runs there. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Endpoint, Path } from '../../src/services/kit/endpoint.ts'
import { REPLY_BYTES_MAX, type DoorOptions } from '../../src/services/kit/node/udp/door.ts'
import { openDoor } from '../../src/services/kit/node/udp/open-door.ts'

type Opening = Omit<DoorOptions, 'receive' | 'onError'> & { readonly echoes?: boolean }
interface Received { readonly text: string; readonly path: Path }
/** One datagram; or `copies` of it, "0 text", "1 text", …; or, with `segmentBytes`, the text as a train. */
interface Sending { readonly peer?: Endpoint; readonly path?: Path; readonly text: string; readonly copies?: number; readonly segmentBytes?: number }

const FLUSHED = 'flushed'
const RECEIVED_WITHIN_MS = 20_000

export class DoorProcess {
  readonly received: Received[] = []
  locals: readonly Endpoint[] = []
  readonly #child: ChildProcess
  #arrived = (): void => undefined
  #flushed = (): void => undefined

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  static async open(namespace: string | undefined, opening: Opening): Promise<DoorProcess> {
    const [file = '', ...into] = namespace === undefined ? [process.execPath] : ['ip', 'netns', 'exec', namespace, process.execPath]
    const child = spawn(file, [...into, fileURLToPath(import.meta.url), JSON.stringify(opening)], { stdio: ['pipe', 'pipe', 'inherit'] })
    const door = new DoorProcess(child)
    const lines = createInterface(child.stdout)
    const [ready] = await once(lines, 'line') as [string]
    door.locals = JSON.parse(ready)
    lines.on('line', line => {
      if (line === FLUSHED) return door.#flushed()
      door.received.push(JSON.parse(line))
      door.#arrived()
    })
    return door
  }

  get local(): Endpoint {
    const [local] = this.locals
    if (local === undefined) throw new Error('a door has a socket')
    return local
  }

  /** Resolves when it has been handed to the system, or lost. */
  send(sending: Sending): Promise<void> {
    this.#child.stdin?.write(`${JSON.stringify(sending)}\n`)
    return new Promise(resolve => { this.#flushed = resolve })
  }

  receivedAtLeast(count: number): Promise<readonly Received[]> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`only ${this.received.length} of ${count} datagrams arrived`)), RECEIVED_WITHIN_MS)
      this.#arrived = () => {
        if (this.received.length < count) return
        clearTimeout(timer)
        resolve(this.received)
      }
      this.#arrived()
    })
  }

  async close(): Promise<void> {
    this.#child.stdin?.end()
    if (this.#child.exitCode === null) await once(this.#child, 'exit')
  }
}

/** The half in the other process: reads what to send from stdin, writes what it received to stdout, and exits when stdin ends. */
async function serve({ echoes = false, ...options }: Opening): Promise<void> {
  const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)
  const door = await openDoor({
    ...options,
    receive(batch) {
      for (let index = 0; index < batch.count; index++) {
        const offset = batch.offsets[index] ?? 0
        const bytes = batch.slab.subarray(offset, offset + (batch.lengths[index] ?? 0))
        say({ text: Buffer.from(bytes).toString('latin1'), path: batch.path(index) })
        if (!echoes) continue
        batch.replies.set(bytes, index * REPLY_BYTES_MAX)
        batch.replyLengths[index] = bytes.length
      }
    },
  })
  say(door.locals)
  for await (const line of createInterface(process.stdin)) {
    const { peer, path, text, copies, segmentBytes } = JSON.parse(line) as Sending
    const to = path ?? door.pathTo(peer ?? { address: '127.0.0.1', port: 9 })
    if (segmentBytes !== undefined) door.sendTrain(to, Buffer.from(text), segmentBytes)
    else if (copies === undefined) door.send(to, Buffer.from(text))
    else for (let copy = 0; copy < copies; copy++) door.send(to, Buffer.from(`${copy} ${text}`))
    door.flush()
    process.stdout.write(`${FLUSHED}\n`)
  }
  await door.close()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(JSON.parse(process.argv[2] ?? '{}'))
