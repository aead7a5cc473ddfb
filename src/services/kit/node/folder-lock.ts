/**
 * One process a service and data folder. The lock is a local socket on which its holder listens: the system closes it with the
 * process, whatever ended it, and whoever comes second connects and learns who holds it.
 *
 * On Windows that is a named pipe, which only one process can make. Elsewhere a socket has a name in a folder, and the name
 * outlives the process; taking over such a name is a race. So names are never taken over: every starter shows a name of its own,
 * and only when it listens; then it asks all the others that are shown. Of two starters at least one so sees the other:
 *
 *     the other has decided and holds the lock      → the asker gives up
 *     undecided, and its id is the lower one        → the asker gives up
 *     undecided, and its id is the higher one       → the other gives up, and says so
 *     nobody listens: its process is dead           → its name is removed; it never comes back
 *
 * Who has asked all and still stands, holds the lock.
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
  /** Gives the lock back. The end of the process does so too. */
  release(): Promise<void>
}

/** The shortest limit of a socket's path among the systems (macOS; Linux has 107), in bytes. */
const SOCKET_PATH_BYTES_MAX = 103
const ANSWER_WITHIN_MS = 2000
const ANSWER_LENGTH_MAX = 4096
const ATTEMPTS_MAX = 5
const ATTEMPT_EVERY_MS = 50

/**
 * Takes the lock of `service` in `folder`, which exists and may be written. Does not keep the process alive.
 * @throws HamletError folder-locked, saying who holds it; folder-missing where the system refuses all the same
 */
export async function lockFolder(folder: string, service: string): Promise<FolderLock> {
  const mine = new Candidate(folder, service)
  try {
    const real = await realpath(folder) // All names of the folder share one lock.
    return process.platform === 'win32' ? await lockPipe(`\\\\.\\pipe\\hamlet-${hashOf(real.toLowerCase())}-${service}`, mine) : await lockSocket(real, service, mine)
  } catch (error) {
    throw error instanceof HamletError ? error : folderError(folder, error)
  }
}

async function lockSocket(folder: string, service: string, mine: Candidate): Promise<FolderLock> {
  const { server, hidden } = await listenInOrFor(folder, service, mine)
  const shown = hidden.replace(/made$/, 'lock')
  const withdraw = async () => {
    await unlink(shown).catch(ignoreMissing)
    if (dirname(shown) !== folder) await rmdir(dirname(shown)).catch(() => undefined) // Others may have their locks in it.
    await close(server)
  }
  try {
    await rename(hidden, shown)
    for (const name of await readdir(dirname(shown))) {
      const other = join(dirname(shown), name)
      if (other === shown || !isLockOf(name, service)) continue
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
 * Listens on a socket in the folder; for a folder with too long a path, or on a file system that holds no sockets (FAT on a stick,
 * some network shares), in a folder of /tmp that stands for it.
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
      // Its last holder has just taken the empty folder away, which listen() calls EACCES.
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

const person = z.object({ id: z.string(), pid: z.int(), command: z.string() })
type Person = z.output<typeof person>
const answerLine = person.extend({ standing: z.enum(['holds', 'undecided', 'gave up']) })
type Answer = z.output<typeof answerLine>

/** A process on its way to the lock, or its holder. */
class Candidate {
  readonly id = `${process.pid}-${randomBytes(6).toString('hex')}`
  #standing: Answer['standing'] = 'undecided'
  #winner: Person | undefined
  readonly #folder: string
  readonly #service: string

  constructor(folder: string, service: string) {
    this.#folder = folder
    this.#service = service
  }

  get person(): Person {
    return { id: this.id, pid: process.pid, command: commandLine() }
  }

  giveUp(winner: Person): void {
    this.#standing = 'gave up'
    this.#winner ??= winner
  }

  /** Another starter asks. One of the two gives up here, unless one has done so already. */
  answer(asker: Person): Answer {
    if (this.#standing === 'undecided' && asker.id < this.id) this.giveUp(asker)
    return { ...this.person, standing: this.#standing }
  }

  /** All others were asked. @throws HamletError folder-locked where one of them goes first */
  decide(): void {
    if (this.#standing !== 'gave up') {
      this.#standing = 'holds'
      return
    }
    const { pid, command } = this.#winner ?? { pid: 0, command: 'another Hamlet' }
    const who = pid === 0 ? command : `${command} (pid ${pid})`
    throw new HamletError({
      code: 'folder-locked', what: `the data folder ${this.#folder} is in use for ${this.#service}`, why: `${who} holds it`,
      remedy: 'stop that one, or give this one another folder with --data', proof: `pid ${pid === 0 ? 'unknown' : pid}, ${this.#folder}`,
    })
  }
}

function listen(path: string, mine: Candidate): Promise<Server> {
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy())
    socket.setTimeout(ANSWER_WITHIN_MS, () => socket.destroy())
    readLine(socket, line => {
      const asker = person.safeParse(parseJson(line))
      if (asker.success) socket.end(`${JSON.stringify(mine.answer(asker.data))}\n`)
      else socket.destroy()
    })
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    // Any user of this machine may ask who holds the lock.
    server.listen({ path, readableAll: true, writableAll: true }, () => {
      server.off('error', reject)
      server.on('error', () => undefined) // One connection could not be taken; the lock holds.
      server.unref()
      resolve(server)
    })
  })
}

function close(server: Server): Promise<void> {
  return new Promise(resolve => server.close(() => resolve()))
}

/** Who cannot be asked, but may live, holds the lock. */
const SILENT: Answer = { id: '', pid: 0, command: 'another Hamlet, which does not answer,', standing: 'holds' }

/** Who listens at `path`; `nobody` where the process is dead. */
async function ask(path: string, mine: Candidate): Promise<Answer | 'nobody'> {
  for (let attempt = 1; attempt < ATTEMPTS_MAX; attempt++) {
    const answer = await askOnce(path, mine)
    if (answer !== 'hung up') return answer
    // It ended just now, or it lives and has too many files open: then the system takes its connections and drops them.
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
    socket.once('connect', () => socket.write(`${JSON.stringify(mine.person)}\n`))
    socket.on('error', error => {
      switch (errnoOf(error)) {
        case 'ECONNREFUSED': case 'ENOENT': return settle('nobody')
        case 'ECONNRESET': case 'EPIPE': return settle('hung up')
        case 'EAGAIN': case 'EBUSY': return settle(SILENT) // So many ask that one more finds no place.
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

/** What a person would know this process by. Arguments hold no secrets: Hamlet takes none there. */
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
