/**
 * What the user can do in the lab, and the polling that keeps it up to
 * date: a few times a second, while the lab is open.
 */
import { appServer } from '../../services/app-server/contract.ts'
import { client } from '../../services/client/contract.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { partsOf } from '../../services/kit/errors.ts'
import type { LinkSetting } from '../../services/kit/link-text.ts'
import { formatLink } from '../../services/kit/link-text.ts'
import type { CongestionName } from '../../services/rudp/core/congestion/congestion.ts'
import { bridge } from '../bridge.ts'
import { savedSentence } from './sentences.ts'
import { isLabEnd, shownPackets, useLab, withPackets, withWatched, type LabEnd, type LabState } from './store.ts'

/** The lab's commands, which are the same at both ends. */
const { commands } = appServer
const { getState, setState } = useLab

const SAMPLES_EVERY_MS = 100
const ROWS_EVERY_MS = 500
const PACKETS_EVERY_MS = 100

/** Polls an end's connections until the returned function is called. */
export function pollConnection(end: LabEnd): () => void {
  const timers = [poll(SAMPLES_EVERY_MS, () => refreshSamples(end)), poll(ROWS_EVERY_MS, () => refreshRows(end))]
  return () => timers.forEach(stop => stop())
}

/**
 * Fetches the link that a service's settings impose: it is in force as soon as
 * the service starts, even if the lab is not open.
 */
export async function refreshLink(id: string): Promise<void> {
  if (!isLabEnd(id)) return
  const { link } = commands.link.reply.parse(await ask(id, 'link', {}))
  setState(state => ({ linksOfAll: { ...state.linksOfAll, [id]: link }, ...(state.end === id && !state.isForOne && { link }) }))
}

/** Polls the packets of the watched connection until the returned function is called. */
export function pollPackets(end: LabEnd): () => void {
  return poll(PACKETS_EVERY_MS, () => refreshPackets(end))
}

async function refreshPackets(end: LabEnd): Promise<void> {
  const asked = shownPackets(getState())
  const { connection } = getState().watching
  if (connection === undefined) return
  const reply = commands.packets.reply.parse(await ask(end, 'packets', { connection, after: asked.next }))
  setState(state => state.end === end && state.watching.connection === connection && shownPackets(state) === asked ? { packets: withPackets(asked, reply) } : {})
}

async function refreshSamples(end: LabEnd): Promise<void> {
  const { chosen, watching } = getState()
  const reply = commands.watch.reply.parse(await ask(end, 'watch', { connection: chosen, after: watching.next }))
  // Another connection may have been chosen in the meantime.
  setState(state => state.end === end && state.watching === watching ? { watching: withWatched(watching, reply) } : {})
}

async function refreshRows(end: LabEnd): Promise<void> {
  const { connection: shown = '' } = getState().watching // read before the request, so that it is not newer than the reply
  const { rows, over } = commands.connections.reply.parse(await ask(end, 'connections', {}))
  const { congestion: control } = commands.congestion.reply.parse(await ask(end, 'congestion', {}))
  const open = new Map(rows)
  // When the shown connection is closed, changes apply to all again, and the form shows it.
  const isOver = ({ watching }: LabState) => watching.connection === shown && !open.has(shown)
  setState(state => state.end === end ? { rows: open, over: new Map(over), control, isForOne: state.isForOne && !isOver(state) } : {})
  const target = targetOf(getState())
  const { link } = commands.link.reply.parse(await ask(end, 'link', target))
  setState(state => withLink(state, end, link, target))
}

/**
 * Prepares new conditions for all connections, or for the shown one. The target is settled now, even if another connection is
 * shown when the change is made.
 * @returns a function that makes the change
 */
export function linkChange(setting: LinkSetting): () => Promise<void> {
  const asked = getState()
  const link = formatLink(setting)
  return async () => {
    const target = targetOf(asked)
    if (await reported(ask(asked.end, 'link', { link, ...target }))) setState(state => withLink(state, asked.end, link, target))
  }
}

/** Sets the congestion control of all current and new connections, or of the shown one. */
export async function setControl(congestion: CongestionName): Promise<void> {
  const asked = getState()
  const target = targetOf(asked)
  if (await reported(ask(asked.end, 'congestion', { congestion, ...target })) && target.connection === undefined) setState(({ end }) => end === asked.end ? { control: congestion } : {})
}

/** Loads a page of the given size on a new connection. */
export async function load(homeUrl: string, bytes: number): Promise<void> {
  setState(({ loading }) => ({ loading: loading + 1, loaded: undefined }))
  const { host } = new URL(homeUrl)
  const isStarted = await reported(ask('client', 'load', { url: `rudp://${host}/bytes/${bytes}` }))
  if (!isStarted) setState(({ loading }) => ({ loading: Math.max(0, loading - 1) }))
}

export async function stopLoads(): Promise<void> {
  await reported(ask('client', 'stop_loads', {}))
}

/** Saves the recording of the shown connection where the user chooses. @returns a sentence; empty if canceled or failed */
export async function saveQlog(): Promise<string> {
  const { end, watching: { connection } } = getState()
  if (connection === undefined) return ''
  const { path, fullAtMs, error } = await bridge().invoke('qlog:save', { id: end, connection })
  setState({ error })
  return path === undefined ? '' : savedSentence(path, fullAtMs)
}

export const dismissError = () => setState({ error: undefined })

type LabCommand = keyof typeof commands | 'load' | 'stop_loads'

/** Sends a command to a service. @throws CommandError if the service refuses it */
async function ask(end: LabEnd, name: LabCommand, request: Readonly<Record<string, unknown>>): Promise<unknown> {
  const schema = name === 'load' || name === 'stop_loads' ? client.commands[name].ask : commands[name].ask
  const { value, error } = await bridge().invoke('service:command', { id: end, name, ask: schema.parse(request) })
  if (error !== undefined) throw new CommandError(error)
  return value
}

class CommandError extends Error {
  readonly parts: ErrorParts

  constructor(parts: ErrorParts) {
    super(parts.what)
    this.parts = parts
  }
}

/** Shows the user an error. @returns whether there was none */
async function reported(reply: Promise<unknown>): Promise<boolean> {
  try {
    await reply
    setState({ error: undefined })
    return true
  } catch (thrown) {
    setState({ error: thrown instanceof CommandError ? thrown.parts : partsOf(thrown) })
    return false
  }
}

/** The connection that changes apply to; empty: all of them. */
function targetOf({ isForOne, watching: { connection } }: LabState): { connection?: string } {
  return isForOne && connection !== undefined ? { connection } : {}
}

/** The state with a link in force: that of one connection, or, without one, that of all. */
function withLink({ end, linksOfAll }: LabState, at: LabEnd, link: string, { connection }: { readonly connection?: string }): Partial<LabState> {
  return { ...(connection === undefined && { linksOfAll: { ...linksOfAll, [at]: link } }), ...(end === at && { link }) }
}

/** Repeats a request, one at a time, while the window is visible. Failures are ignored: the service may be starting. */
function poll(periodMs: number, request: () => Promise<void>): () => void {
  let isOver = false
  let timer = 0
  const next = async () => {
    if (!document.hidden) await request().catch(() => undefined)
    if (!isOver) timer = window.setTimeout(() => { void next() }, periodMs)
  }
  void next()
  return () => {
    isOver = true
    window.clearTimeout(timer)
  }
}
