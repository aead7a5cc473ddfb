/**
 * Finds and loads the batch add-on (see native/socket.h). It is under .vite/native in a checkout and beside app.asar in a package. Where
 * it is missing, and on systems other than Linux, doors use node:dgram.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** INTERFACE_VERSION of native/module.c: a stale binary is not used. */
const VERSION = 3

/** Socket options, the same as in native/socket.h. */
export const OPTION = { broadcast: 1, sharePort: 2, packetInfo: 4, coalesce: 8 } as const

/** A socket of the add-on, opaque to everything else. */
export type NativeSocket = { readonly native: unique symbol }

export interface BatchAddOn {
  readonly version: number
  /** The receiving half: the path of each slot, twelve words each. */
  readonly receivedPaths: Uint32Array
  /** Of datagram i: its slot, its offset in `datagrams`, and its length. */
  readonly slots: Uint32Array
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  readonly datagrams: Uint8Array
  readonly replies: Uint8Array
  readonly replyLengths: Uint32Array
  /** The sending half: of datagram i its path, and its place in `sendBytes`. */
  readonly sendPaths: Uint32Array
  readonly sendOffsets: Uint32Array
  readonly sendLengths: Uint32Array
  readonly sendBytes: Uint8Array
  /**
   * Binds, connects and starts to receive. Addresses are the first 28 bytes of a path.
   * @param receive called with the number of datagrams that arrived, or with the negative errno that the network reported
   * @throws Error with code and syscall
   */
  open(local: Uint8Array, peer: Uint8Array | undefined, options: number, interfaceName: string, receive: (countOrError: number) => void): NativeSocket
  port(socket: NativeSocket): number
  /** Sends the first `count` datagrams of the sending half. @returns 0, or the errno of a lost one */
  send(socket: NativeSocket, count: number): number
  /** Sends along the first path of the sending half. @returns as send */
  sendTrain(socket: NativeSocket, bytes: Uint8Array, segmentBytes: number): number
  /** A paused socket reads nothing; the system keeps what arrives, as far as its buffer goes. */
  pause(socket: NativeSocket, paused: boolean): void
  close(socket: NativeSocket): void
  /** '' if there is no such interface. */
  interfaceName(index: number): string
  /** 0 if there is no such interface. */
  interfaceIndex(name: string): number
}

/** The add-on, or why it is unavailable, as the end of a sentence. */
type Loaded = { readonly addOn: BatchAddOn } | { readonly why: string }

let loaded: Loaded | undefined

/** Loads the add-on, once per process. */
export function loadBatchAddOn(): Loaded {
  loaded ??= process.platform === 'linux' ? load(addOnFile()) : { why: 'the batch add-on runs on Linux only' }
  return loaded
}

/** Its path, as seen from a bundle in .vite/build (of a checkout or of app.asar) or from this source file. */
function addOnFile(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  const root = here.endsWith(join('src', 'services', 'kit', 'node', 'udp')) ? join(here, '..', '..', '..', '..', '..') : join(here, '..', '..')
  const folder = root.endsWith('app.asar') ? join(root, '..', 'native') : join(root, '.vite', 'native')
  return join(folder, `udp-${process.platform}-${process.arch}.node`)
}

function load(file: string): Loaded {
  if (!existsSync(file)) return { why: 'the batch add-on was not built, which takes a C compiler' }
  try {
    const exported: unknown = createRequire(import.meta.url)(file)
    if (isOfThisVersion(exported)) return { addOn: exported }
    return { why: 'the batch add-on belongs to another version of Hamlet' }
  } catch (error) {
    return { why: `the batch add-on could not be loaded: ${error instanceof Error ? error.message.split('\n')[0] ?? '' : String(error)}` }
  }
}

/** The version vouches for everything else: it is raised with every change of the interface. */
function isOfThisVersion(exported: unknown): exported is BatchAddOn {
  return typeof exported === 'object' && exported !== null && 'version' in exported && exported.version === VERSION
}
