/**
 * Every message between the window and the main process: channel → schemas. Main validates each request and its sender
 * against it, the preload script exposes exactly these channels, and the renderer takes its types from it.
 */
import { z } from 'zod'
import { SERVICE_IDS } from '../services/contracts.ts'
import { TRANSPORTS } from '../services/client/contract.ts'
import { errorParts, SERVICE_STATES, serviceEndpoint, tableRow } from '../services/kit/host-protocol.ts'
import { MODES } from '../services/settings.ts'

const serviceId = z.enum(SERVICE_IDS)
export const mode = z.enum(MODES)
export type Mode = z.output<typeof mode>

/** A lamp is lit only by proof: Hamlet's own client received the right bytes from the service's real socket. */
export const lamp = z.object({ lit: z.boolean(), sentence: z.string(), tookMs: z.number() })
export type Lamp = z.output<typeof lamp>

export const logLine = z.object({ to: z.enum(['contract', 'log']), text: z.string() })

const serviceStatus = z.object({
  id: serviceId,
  state: z.enum(SERVICE_STATES),
  reason: z.string().optional(),
  error: errorParts.optional(),
  endpoints: z.array(serviceEndpoint),
  pid: z.number().optional(),
})
export type ServiceStatus = z.output<typeof serviceStatus>

const serviceSnapshot = z.object({
  status: serviceStatus,
  /** What the form shows: the saved settings, without defaults. */
  settings: z.record(z.string(), z.unknown()),
  rows: z.array(z.tuple([z.string(), tableRow])),
  /** The last lines, at most 500. */
  log: z.array(logLine),
  lamp,
})

export const snapshot = z.object({
  mode,
  services: z.record(serviceId, serviceSnapshot),
  /** Sentences for the user, newest last: a port that was taken, a damaged file set aside. */
  notices: z.array(z.string()),
  /** "Electron 22.3.25 (test runtime, do not distribute)". */
  runtime: z.string(),
  version: z.string(),
})
export type Snapshot = z.output<typeof snapshot>

const VIEW_NUMBERS = ['1', '2', '3', '4', '5', '6', '7'] as const
const ZOOMS = ['larger', 'smaller', 'usual size'] as const
export const shortcut = z.enum([...VIEW_NUMBERS, ...ZOOMS, 'address', 'find', 'print', 'reload', 'back', 'forward'])
export type Shortcut = z.output<typeof shortcut>

const nothing = z.object({})
/** Every request is answered, with a value or with an error in five parts. */
const done = z.object({ error: errorParts.optional() })

/** Requests from the renderer to main. */
export const channels = {
  'app:snapshot': { ask: nothing, reply: snapshot },
  'roles:start': { ask: nothing, reply: done },
  'roles:stop': { ask: nothing, reply: done },
  'mode:set': { ask: z.object({ mode }), reply: done },
  'service:start': { ask: z.object({ id: serviceId, settings: z.record(z.string(), z.unknown()) }), reply: done },
  'service:stop': { ask: z.object({ id: serviceId }), reply: done },
  'service:command': { ask: z.object({ id: serviceId, name: z.string(), ask: z.unknown().optional() }), reply: z.object({ value: z.unknown().optional(), error: errorParts.optional() }) },
  /**
   * Saves the recording of a RUDP connection where the user chooses; no path: the user canceled. `fullAtMs`: when the
   * recording was full, so that later events are missing.
   */
  'qlog:save': { ask: z.object({ id: z.enum(['app-server', 'client']), connection: z.string().max(64) }), reply: done.extend({ path: z.string().optional(), fullAtMs: z.number().optional() }) },
  /** Saves the shown packets as a capture file (kit/pcapng.ts). */
  'pcapng:save': { ask: z.object({ id: serviceId, bytes: z.instanceof(Uint8Array) }), reply: done.extend({ path: z.string().optional() }) },
  /** Saves a PDF of this tab's page; without a tab, of the window's view. */
  'pdf:save': { ask: z.object({ webContentsId: z.int().optional() }), reply: done },
  'window:zoom': { ask: z.object({ to: z.enum(ZOOMS) }), reply: done },
  'browser:transport': { ask: z.object({ webContentsId: z.int(), transport: z.enum(TRANSPORTS) }), reply: done },
  /**
   * Main loads the page, because <webview>.loadURL() prints a stack trace for each load that
   * fails. The element's events report the outcome.
   */
  'browser:load': { ask: z.object({ webContentsId: z.int(), url: z.string() }), reply: done },
  /** Main posts a MessagePort to the window ({ type: 'trace:port', id }); kit/host-protocol.ts defines its messages. */
  'trace:open': { ask: z.object({ id: serviceId }), reply: done },
} as const
export type Channels = typeof channels
export type Ask<Channel extends keyof Channels> = z.input<Channels[Channel]['ask']>
export type Reply<Channel extends keyof Channels> = z.output<Channels[Channel]['reply']>

/** Messages that main sends unasked. */
export const pushes = {
  'service:status': serviceStatus,
  'service:line': z.object({ id: serviceId, line: logLine }),
  'service:rows': z.object({ id: serviceId, changes: z.array(z.tuple([z.string(), tableRow.nullable()])) }),
  'service:event': z.object({ id: serviceId, name: z.string(), data: z.unknown().optional() }),
  'service:settings': z.object({ id: serviceId, settings: z.record(z.string(), z.unknown()) }),
  lamp: z.object({ id: serviceId, lamp }),
  mode: z.object({ mode }),
  notice: z.object({ text: z.string() }),
  /** The page wants an address that it cannot navigate to by itself: the browser opens it, or says why not. */
  'browser:open': z.object({ url: z.string() }),
  /** All services are up: the browser opens the home page, unless the user has already opened another one. */
  'browser:first': nothing,
  /** A shortcut was pressed in a page, whose key events do not reach the window. */
  shortcut: z.object({ shortcut }),
} as const
export type Pushes = typeof pushes
export type Pushed<Channel extends keyof Pushes> = z.output<Pushes[Channel]>

/** A key and its modifiers, named as in the DOM. */
export interface Keys {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly shiftKey: boolean
}

/** The shortcut for these keys, in the window and in its pages: those of every browser, with ⌘ as well as Ctrl. */
export function shortcutOf({ key, ctrlKey, metaKey, altKey, shiftKey }: Keys): Shortcut | undefined {
  const isCommand = ctrlKey || metaKey
  if (isCommand && !altKey && (key === '+' || key === '=')) return 'larger' // on many keyboards + is Shift+=
  if (shiftKey) return undefined
  if (altKey) return isCommand ? undefined : withAlt.get(key)
  return isCommand ? withControl.get(key) : key === 'F5' ? 'reload' : undefined
}

const withAlt = new Map<string, Shortcut>([['ArrowLeft', 'back'], ['ArrowRight', 'forward']])
const withControl = new Map<string, Shortcut>([['r', 'reload'], ['l', 'address'], ['f', 'find'], ['p', 'print'], ['-', 'smaller'], ['0', 'usual size'], ...VIEW_NUMBERS.map(number => [number, number] as const)])

/** What the preload script puts on `window.hamlet`. */
export interface Bridge {
  invoke<Channel extends keyof Channels>(channel: Channel, ask: Ask<Channel>): Promise<Reply<Channel>>
  /** @returns a function that stops listening */
  on<Channel extends keyof Pushes>(channel: Channel, listen: (pushed: Pushed<Channel>) => void): () => void
}
