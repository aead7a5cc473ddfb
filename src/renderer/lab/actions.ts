/** What a person can ask of the lab, and the questions by which it looks: a few times a second, as long as somebody does. */
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

/** Both ends have the same commands of the lab. */
const { commands } = appServer
const { getState, setState } = useLab

const SAMPLES_EVERY_MS = 100
const ROWS_EVERY_MS = 500
const PACKETS_EVERY_MS = 100

/** Looks at an end's connections until the returned function is called. */
export function look(end: LabEnd): () => void {
  const timers = [every(SAMPLES_EVERY_MS, () => lookAtSamples(end)), every(ROWS_EVERY_MS, () => lookAtRows(end))]
  return () => timers.forEach(stop => stop())
}

/** A service has started: what its settings do to its links is in force, whether anybody looks or not. */
export async function lookAtLink(id: string): Promise<void> {
  if (!isLabEnd(id)) return
  const { link } = commands.link.reply.parse(await ask(id, 'link', {}))
  setState(state => ({ linksOfAll: { ...state.linksOfAll, [id]: link }, ...(state.end === id && !state.isForOne && { link }) }))
}

/** Looks at the packets of the watched connection until the returned function is called. */
export function lookAtPackets(end: LabEnd): () => void {
  return every(PACKETS_EVERY_MS, () => lookAtNewPackets(end))
}

async function lookAtNewPackets(end: LabEnd): Promise<void> {
  const asked = shownPackets(getState())
  const { connection } = getState().watching
  if (connection === undefined) return
  const reply = commands.packets.reply.parse(await ask(end, 'packets', { connection, after: asked.next }))
  setState(state => state.end === end && state.watching.connection === connection && shownPackets(state) === asked ? { packets: withPackets(asked, reply) } : {})
}

async function lookAtSamples(end: LabEnd): Promise<void> {
  const { chosen, watching } = getState()
  const reply = commands.watch.reply.parse(await ask(end, 'watch', { connection: chosen, after: watching.next }))
  // Meanwhile another one may have been chosen.
  setState(state => state.end === end && state.watching === watching ? { watching: withWatched(watching, reply) } : {})
}

async function lookAtRows(end: LabEnd): Promise<void> {
  const { connection: shown = '' } = getState().watching // before it is asked which are open
  const { rows, over } = commands.connections.reply.parse(await ask(end, 'connections', {}))
  const { congestion: control } = commands.congestion.reply.parse(await ask(end, 'congestion', {}))
  const open = new Map(rows)
  // Where the one that is shown is over, changes are for all again, and the person sees that.
  const isOver = ({ watching }: LabState) => watching.connection === shown && !open.has(shown)
  setState(state => state.end === end ? { rows: open, over: new Map(over), control, isForOne: state.isForOne && !isOver(state) } : {})
  const whom = scope(getState())
  const { link } = commands.link.reply.parse(await ask(end, 'link', whom))
  setState(state => inForce(state, end, link, whom))
}

/**
 * Conditions for all connections, or for the one that is shown: those that are meant now, whatever is looked at when the change is made.
 * @returns makes it
 */
export function linkChange(setting: LinkSetting): () => Promise<void> {
  const asked = getState()
  const link = formatLink(setting)
  return async () => {
    const whom = scope(asked)
    if (await told(ask(asked.end, 'link', { link, ...whom }))) setState(state => inForce(state, asked.end, link, whom))
  }
}

/** The congestion control of all connections and of those to come, or of the one that is shown. */
export async function setControl(congestion: CongestionName): Promise<void> {
  const asked = getState()
  const whom = scope(asked)
  if (await told(ask(asked.end, 'congestion', { congestion, ...whom })) && whom.connection === undefined) setState(({ end }) => end === asked.end ? { control: congestion } : {})
}

/** Loads a page of so many bytes on a new connection. */
export async function load(homeUrl: string, bytes: number): Promise<void> {
  setState(({ loading }) => ({ loading: loading + 1, loaded: undefined }))
  const { host } = new URL(homeUrl)
  const begins = await told(ask('client', 'load', { url: `rudp://${host}/bytes/${bytes}` }))
  if (!begins) setState(({ loading }) => ({ loading: Math.max(0, loading - 1) }))
}

export async function stopLoads(): Promise<void> {
  await told(ask('client', 'stop_loads', {}))
}

/** Saves what was recorded of the shown connection where the person says. @returns what came of it */
export async function saveQlog(): Promise<string> {
  const { end, watching: { connection } } = getState()
  if (connection === undefined) return ''
  const { path, fullAtMs, error } = await bridge().invoke('qlog:save', { id: end, connection })
  setState({ error })
  return path === undefined ? '' : savedSentence(path, fullAtMs)
}

export const dismissError = () => setState({ error: undefined })

type LabCommand = keyof typeof commands | 'load' | 'stop_loads'

/** @throws the error's parts */
async function ask(end: LabEnd, name: LabCommand, question: Readonly<Record<string, unknown>>): Promise<unknown> {
  const schema = name === 'load' || name === 'stop_loads' ? client.commands[name].ask : commands[name].ask
  const { value, error } = await bridge().invoke('service:command', { id: end, name, ask: schema.parse(question) })
  if (error !== undefined) throw new Refused(error)
  return value
}

class Refused extends Error {
  readonly parts: ErrorParts

  constructor(parts: ErrorParts) {
    super(parts.what)
    this.parts = parts
  }
}

/** Tells the person what went wrong. @returns whether all went well */
async function told(answer: Promise<unknown>): Promise<boolean> {
  try {
    await answer
    setState({ error: undefined })
    return true
  } catch (thrown) {
    setState({ error: thrown instanceof Refused ? thrown.parts : partsOf(thrown) })
    return false
  }
}

/** The shown connection, where changes are for it alone. */
function scope({ isForOne, watching: { connection } }: LabState): { connection?: string } {
  return isForOne && connection !== undefined ? { connection } : {}
}

/** What was asked of no one connection holds for all. */
function inForce({ end, linksOfAll }: LabState, at: LabEnd, link: string, { connection }: { readonly connection?: string }): Partial<LabState> {
  return { ...(connection === undefined && { linksOfAll: { ...linksOfAll, [at]: link } }), ...(end === at && { link }) }
}

/** Asks again and again, one question at a time, while the window is seen. A question that fails is asked again: the service may be starting. */
function every(periodMs: number, question: () => Promise<void>): () => void {
  let isOver = false
  let timer = 0
  const next = async () => {
    if (!document.hidden) await question().catch(() => undefined)
    if (!isOver) timer = window.setTimeout(() => { void next() }, periodMs)
  }
  void next()
  return () => {
    isOver = true
    window.clearTimeout(timer)
  }
}
