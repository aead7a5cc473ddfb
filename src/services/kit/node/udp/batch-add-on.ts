/**
 * The batch add-on, found and loaded: native/socket.h says what it does. It lies under .vite/native in a checkout and beside
 * app.asar in a package; where it is missing, or this is not Linux, the door goes over node:dgram.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** INTERFACE_VERSION of native/module.c: a binary left over from another time is not used. */
const VERSION = 2

/** Options of a socket, as in native/socket.h. */
export const OPTION = { broadcast: 1, sharePort: 2, tellInterface: 4, coalesce: 8 } as const

/** A socket of the add-on, which alone looks inside. */
export type NativeSocket = { readonly native: unique symbol }

export interface BatchAddOn {
  readonly version: number
  /** Ways (twelve words each) that came, by slot. */
  readonly came: Uint32Array
  /** Of datagram i: its slot, where it begins in `datagrams`, and its bytes. */
  readonly slots: Uint32Array
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  readonly datagrams: Uint8Array
  readonly replies: Uint8Array
  readonly replyLengths: Uint32Array
  /** The sending half: of datagram i its way, and where it lies in `sending`. */
  readonly goes: Uint32Array
  readonly sendOffsets: Uint32Array
  readonly sendLengths: Uint32Array
  readonly sending: Uint8Array
  /**
   * Binds, connects and listens. Addresses are the first 28 bytes of a way.
   * @param receive gets how many datagrams came; an error that the network reported, as its number below 0
   * @throws Error with code and syscall
   */
  open(local: Uint8Array, peer: Uint8Array | undefined, options: number, interfaceName: string, receive: (countOrError: number) => void): NativeSocket
  port(socket: NativeSocket): number
  /** Sends the first `count` of the sending half. @returns 0, or the number of the error by which one was lost */
  send(socket: NativeSocket, count: number): number
  /** Sends along the first way of the sending half. @returns as send */
  sendTrain(socket: NativeSocket, bytes: Uint8Array, segmentBytes: number): number
  /** True: reads nothing until false is said; the system keeps what comes, as far as its buffer goes. */
  rest(socket: NativeSocket, rests: boolean): void
  close(socket: NativeSocket): void
  /** '' where there is none. */
  interfaceName(index: number): string
  /** 0 where there is none. */
  interfaceIndex(name: string): number
}

/** The add-on, or why it is not there: the end of a sentence. */
type Loaded = { readonly addOn: BatchAddOn } | { readonly why: string }

let loaded: Loaded | undefined

/** Loads it once. */
export function loadBatchAddOn(): Loaded {
  loaded ??= process.platform === 'linux' ? load(addOnFile()) : { why: 'the batch add-on is for Linux' }
  return loaded
}

/** Where it lies, seen from a bundle in .vite/build (of a checkout or of app.asar) or from this very file. */
function addOnFile(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  const root = here.endsWith(join('src', 'services', 'kit', 'node', 'udp')) ? join(here, '..', '..', '..', '..', '..') : join(here, '..', '..')
  const folder = root.endsWith('app.asar') ? join(root, '..', 'native') : join(root, '.vite', 'native')
  return join(folder, `udp-${process.platform}-${process.arch}.node`)
}

function load(file: string): Loaded {
  if (!existsSync(file)) return { why: 'the batch add-on was not built: that needs a C compiler' }
  try {
    const exported: unknown = createRequire(import.meta.url)(file)
    if (isOfThisVersion(exported)) return { addOn: exported }
    return { why: 'the batch add-on is of another version of Hamlet' }
  } catch (error) {
    return { why: `the batch add-on cannot be loaded: ${error instanceof Error ? error.message.split('\n')[0] ?? '' : String(error)}` }
  }
}

/** The version stands for all the rest: it is raised with every change. */
function isOfThisVersion(exported: unknown): exported is BatchAddOn {
  return typeof exported === 'object' && exported !== null && 'version' in exported && exported.version === VERSION
}
