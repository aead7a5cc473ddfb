/**
 * A lock that allows one process per service and data folder. The lock is a local socket on which its holder listens: the system closes
 * the socket with the process, however it ends, and a second process connects to it and learns who the holder is.
 *
 * On Windows the socket is a named pipe, which only one process can create. Elsewhere it has a file name, which outlives the process, and
 * taking over an existing name is a race. So names are never taken over: each candidate publishes a name of its own once it listens there,
 * and then asks all other published names. Of two candidates, at least one sees the other:
 *
 *     the other already holds the lock               → the asker gives up
 *     the other is undecided, and its id is lower    → the asker gives up
 *     the other is undecided, and its id is higher   → the other gives up, and says so
 *     nobody listens, so its process is dead         → its name is removed; it never comes back
 *
 * A candidate that has asked all others and has not given up holds the lock.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, realpath, rename, rmdir, unlink } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { HamletError } from '../errors.ts'
import { folderError } from './data-folder.ts'
import { errnoOf } from './disk.ts'

export interface FolderLock {
  /** Releases the lock, as the end of the process does too. */
  release(): Promise<void>
}

/** The lowest limit, in bytes, for the path of a socket on any system (macOS; Linux allows 107). */
const SOCKET_PATH_BYTES_MAX = 103
const ANSWER_WITHIN_MS = 2000
const ANSWER_LENGTH_MAX = 4096
const ATTEMPTS_MAX = 5
const ATTEMPT_EVERY_MS = 50

/**
 * Acquires the lock of `service` in `folder`, which exists and is writable. Does not keep the process alive.
 * @throws HamletError folder-locked, naming the holder; folder-missing if the system refuses nevertheless
 */
export async function lockFolder(folder: string, service: string): Promise<FolderLock> {
  const mine = new Candidate(folder, service)
  try {
    const real = await realpath(folder) // All paths to the folder share one lock.
    return process.platform === 'win32' ? await lockPipe(`\\\\.\\pipe\\hamlet-${hashOf(real.toLowerCase())}-${service}`, mine) : await lockSocket(real, service, mine)
  } catch (error) {
    throw error instanceof HamletError ? error : folderError(folder, error)
  }
}

async function lockSocket(folder: string, service: string, mine: Candidate): Promise<FolderLock> {
  const { server, hidden } = await listenInOrFor(folder, service, mine)
  const published = hidden.replace(/made$/, 'lock')
  const withdraw = async () => {
    await unlink(published).catch(ignoreMissing)
    if (dirname(published) !== folder) await rmdir(dirname(published)).catch(() => undefined) // It may hold the locks of others.
    await close(server)
  }
  try {
    await rename(hidden, published)
    for (const name of await readdir(dirname(published))) {
      const other = join(dirname(published), name)
      if (other === published || !isLockOf(name, service)) continue
      const answer = await ask(other, mine)
      if (answer === 'nobody') await unlink(other).catch(ignoreMissing)
      else if (answer.standing !== 'gave up') {
        mine.giveUp(answer)
        break
      }
    }
    mine.decide()
  } catch (error) {
    await withdraw()
    throw error
  }
  return { release: withdraw }
}

/**
 * Listens on a socket in the folder. If the folder's path is too long, or its file system cannot hold sockets (FAT on a USB stick, some
 * network shares), listens in a folder of /tmp named after it.
 */
async function listenInOrFor(folder: string, service: string, mine: Candidate): Promise<{ server: Server; hidden: string }> {
  const name = `${service}.${mine.id}.made`
  const hidden = join(folder, name)
  if (Buffer.byteLength(hidden) <= SOCKET_PATH_BYTES_MAX) {
    try {
      return { server: await listen(hidden, mine), hidden }
    } catch (error) {
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL'].includes(errnoOf(error))) throw error
    }
  }
  const instead = join('/tmp', `hamlet-${hashOf(folder)}`)
  for (let attempt = 1; ; attempt++) {
    await mkdir(instead, { recursive: true, mode: 0o700 })
    try {
      return { server: await listen(join(instead, name), mine), hidden: join(instead, name) }
    } catch (error) {
      // The previous holder has just removed the empty folder, which listen() reports as EACCES.
      if (errnoOf(error) !== 'EACCES' || attempt === ATTEMPTS_MAX) throw error
    }
  }
}

async function lockPipe(path: string, mine: Candidate): Promise<FolderLock> {
  for (let attempt = 1; ; attempt++) {
    try {
      const server = await listen(path, mine)
      mine.decide()
      return { release: () => close(server) }
    } catch (error) {
      if (errnoOf(error) !== 'EADDRINUSE' || attempt === ATTEMPTS_MAX) throw error
      const answer = await ask(path, mine)
      if (answer !== 'nobody') {
        mine.giveUp(answer)
        mine.decide()
      }
    }
  }
}

const processIdentity = z.object({ id: z.string(), pid: z.int(), command: z.string() })
type ProcessIdentity = z.output<typeof processIdentity>
const answerLine = processIdentity.extend({ standing: z.enum(['holds', 'undecided', 'gave up']) })
type Answer = z.output<typeof answerLine>

/** A process that tries to acquire the lock, or holds it. */
class Candidate {
  readonly id = `${process.pid}-${randomBytes(6).toString('hex')}`
  #standing: Answer['standing'] = 'undecided'
  #winner: ProcessIdentity | undefined
  readonly #folder: string
  readonly #service: string

  constructor(folder: string, service: string) {
    this.#folder = folder
    this.#service = service
  }

  get identity(): ProcessIdentity {
    return { id: this.id, pid: process.pid, command: commandLine() }
  }

  giveUp(winner: ProcessIdentity): void {
    this.#standing = 'gave up'
    this.#winner ??= winner
  }

  /** Answers another candidate. One of the two gives up, unless one already has. */
  answer(asker: ProcessIdentity): Answer {
    if (this.#standing === 'undecided' && asker.id < this.id) this.giveUp(asker)
    return { ...this.identity, standing: this.#standing }
  }

  /** Call when all others have been asked. @throws HamletError folder-locked if one of them wins */
  decide(): void {
    if (this.#standing !== 'gave up') {
      this.#standing = 'holds'
      return
    }
    const { pid, command } = this.#winner ?? { pid: 0, command: 'another Hamlet' }
    const holder = pid === 0 ? command : `${command} (pid ${pid})`
    throw new HamletError({
      code: 'folder-locked', what: `the data folder ${this.#folder} is already in use for ${this.#service}`, why: `it is locked by ${holder}`,
      remedy: 'stop that process, or choose another folder with --data', proof: `pid ${pid === 0 ? 'unknown' : pid}, ${this.#folder}`,
    })
  }
}

function listen(path: string, mine: Candidate): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy())
    readLine(socket, line => {
      const asker = processIdentity.safeParse(parseJson(line))
      if (asker.success) socket.end(`${JSON.stringify(mine.answer(asker.data))}\n`)
      else socket.destroy()
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Any user of this machine may ask who the holder is.
    server.listen({ path, readableAll: true, writableAll: true }, () => {
      server.off('error', reject)
      server.on('error', () => undefined) // One connection could not be accepted; the lock holds.
      server.unref()
      resolve(server)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()))
}

/** A process that does not answer but may be alive counts as the holder. */
const SILENT: Answer = { id: '', pid: 0, command: 'another Hamlet, which does not answer', standing: 'holds' }

/** Asks the process that listens at `path`; `nobody` if it is dead. */
async function ask(path: string, mine: Candidate): Promise<Answer | 'nobody'> {
  for (let attempt = 1; attempt < ATTEMPTS_MAX; attempt++) {
    const answer = await askOnce(path, mine)
    if (answer !== 'hung up') return answer
    // It has just ended, or it is alive with too many open files: then the system accepts its connections and drops them.
    await sleep(ATTEMPT_EVERY_MS)
  }
  return SILENT
}

function askOnce(path: string, mine: Candidate): Promise<Answer | 'nobody' | 'hung up'> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    const settle = (answer: Answer | 'nobody' | 'hung up') => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(ANSWER_WITHIN_MS, () => settle(SILENT))
    socket.once('connect', () => socket.write(`${JSON.stringify(mine.identity)}\n`))
    socket.on('error', error => {
      switch (errnoOf(error)) {
        case 'ECONNREFUSED': case 'ENOENT': return settle('nobody')
        case 'ECONNRESET': case 'EPIPE': return settle('hung up')
        case 'EAGAIN': case 'EBUSY': return settle(SILENT) // The listen queue is full.
        default: reject(error)
      }
    })
    socket.once('close', () => settle('hung up'))
    readLine(socket, line => settle(answerLine.safeParse(parseJson(line)).data ?? SILENT))
  })
}

function readLine(socket: Socket, take: (line: string) => void): void {
  let text = ''
  let taken = false
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    if (taken) return
    text += chunk
    const end = text.indexOf('\n')
    if (end === -1 && text.length <= ANSWER_LENGTH_MAX) return
    taken = true
    take(text.slice(0, Math.max(0, end)))
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** How the user recognizes this process. Arguments contain no secrets: Hamlet accepts none there. */
function commandLine(): string {
  return [basename(process.argv0), ...process.argv.slice(1).map(argument => basename(argument))].join(' ').slice(0, 200)
}

function isLockOf(name: string, service: string): boolean {
  return name.startsWith(`${service}.`) && /^\d+-[0-9a-f]+\.lock$/.test(name.slice(service.length + 1))
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

function ignoreMissing(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error
}
