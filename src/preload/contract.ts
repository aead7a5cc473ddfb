/**
 * Everything that the window and the main process say to each other: channel → schemas. Main checks each question and its
 * sender against this; the preload script offers exactly these channels; the renderer gets its types from here.
 */
import { z } from 'zod'
import { SERVICE_IDS } from '../services/contracts.ts'
import { TRANSPORTS } from '../services/client/contract.ts'
import { errorParts, SERVICE_STATES, serviceEndpoint, tableRow } from '../services/kit/host-protocol.ts'
import { MODES } from '../services/settings.ts'

const serviceId = z.enum(SERVICE_IDS)
export const mode = z.enum(MODES)
export type Mode = z.output<typeof mode>

/** A lamp is lit only by proof: Hamlet's own client got the right bytes from the service through its real socket. */
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
  /** Sentences for the person, newest last: ports that were taken, a file set aside. */
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
/** Every question is answered, with a value or with an error in five parts. */
const done = z.object({ error: errorParts.optional() })

/** Renderer asks, main replies. */
export const channels = {
  'app:snapshot': { ask: nothing, reply: snapshot },
  'roles:start': { ask: nothing, reply: done },
  'roles:stop': { ask: nothing, reply: done },
  'mode:set': { ask: z.object({ mode }), reply: done },
  'service:start': { ask: z.object({ id: serviceId, settings: z.record(z.string(), z.unknown()) }), reply: done },
  'service:stop': { ask: z.object({ id: serviceId }), reply: done },
  'service:command': { ask: z.object({ id: serviceId, name: z.string(), ask: z.unknown().optional() }), reply: z.object({ value: z.unknown().optional(), error: errorParts.optional() }) },
  /** What was recorded of a RUDP connection, saved where the person says; without a path they called it off. `fullAtMs`: something is left out from then on. */
  'qlog:save': { ask: z.object({ id: z.enum(['app-server', 'client']), connection: z.string().max(64) }), reply: done.extend({ path: z.string().optional(), fullAtMs: z.number().optional() }) },
  /** The shown packets as a capture file (kit/pcapng.ts), saved as a qlog is. */
  'pcapng:save': { ask: z.object({ id: serviceId, bytes: z.instanceof(Uint8Array) }), reply: done.extend({ path: z.string().optional() }) },
  /** What is shown on paper: the page of this tab; without one the view of the window. Saved as a qlog is. */
  'pdf:save': { ask: z.object({ webContentsId: z.int().optional() }), reply: done },
  'window:zoom': { ask: z.object({ to: z.enum(ZOOMS) }), reply: done },
  'browser:transport': { ask: z.object({ webContentsId: z.int(), transport: z.enum(TRANSPORTS) }), reply: done },
  /** Main loads it: a <webview> that is asked itself prints a stack trace for each load that comes to nothing. What came of it its events tell. */
  'browser:load': { ask: z.object({ webContentsId: z.int(), url: z.string() }), reply: done },
  /** Main answers by posting a MessagePort to the window ({ type: 'trace:port', id }); kit/host-protocol.ts says what it speaks. */
  'trace:open': { ask: z.object({ id: serviceId }), reply: done },
} as const
export type Channels = typeof channels
export type Ask<Channel extends keyof Channels> = z.input<Channels[Channel]['ask']>
export type Reply<Channel extends keyof Channels> = z.output<Channels[Channel]['reply']>

/** Main tells, the renderer listens. */
export const pushes = {
  'service:status': serviceStatus,
  'service:line': z.object({ id: serviceId, line: logLine }),
  'service:rows': z.object({ id: serviceId, changes: z.array(z.tuple([z.string(), tableRow.nullable()])) }),
  'service:event': z.object({ id: serviceId, name: z.string(), data: z.unknown().optional() }),
  'service:settings': z.object({ id: serviceId, settings: z.record(z.string(), z.unknown()) }),
  lamp: z.object({ id: serviceId, lamp }),
  mode: z.object({ mode }),
  notice: z.object({ text: z.string() }),
  /** The page asked for an address that it cannot go to by itself: the browser shall open it, or say why not. */
  'browser:open': z.object({ url: z.string() }),
  /** All services are up: the browser shall open the home page, where the person has not asked for another one. */
  'browser:first': nothing,
  /** Keys were pressed in a page, and the window does not hear them. */
  shortcut: z.object({ shortcut }),
} as const
export type Pushes = typeof pushes
export type Pushed<Channel extends keyof Pushes> = z.output<Pushes[Channel]>

/** A key and what is held with it, as the DOM calls them. */
export interface Keys {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly shiftKey: boolean
}

/** What these keys ask for, in the window and in its pages: the keys of every browser, with ⌘ for Ctrl too. */
export function shortcutOf({ key, ctrlKey, metaKey, altKey, shiftKey }: Keys): Shortcut | undefined {
  const isCommand = ctrlKey || metaKey
  if (isCommand && !altKey && (key === '+' || key === '=')) return 'larger' // + stands above = on many keyboards
  if (shiftKey) return undefined
  if (altKey) return isCommand ? undefined : withAlt.get(key)
  return isCommand ? withControl.get(key) : key === 'F5' ? 'reload' : undefined
}

const withAlt = new Map<string, Shortcut>([['ArrowLeft', 'back'], ['ArrowRight', 'forward']])
const withControl = new Map<string, Shortcut>([['r', 'reload'], ['l', 'address'], ['f', 'find'], ['p', 'print'], ['-', 'smaller'], ['0', 'usual size'], ...VIEW_NUMBERS.map(number => [number, number] as const)])

/** What the preload script puts on `window.hamlet`. */
export interface Bridge {
  invoke<Channel extends keyof Channels>(channel: Channel, ask: Ask<Channel>): Promise<Reply<Channel>>
  /** Returns the function that ends the listening. */
  on<Channel extends keyof Pushes>(channel: Channel, listen: (pushed: Pushed<Channel>) => void): () => void
}
