/** What the window knows about the services: main's snapshot, kept up to date by its pushes. */
import { create } from 'zustand'
import type { Lamp, Mode, Pushed, ServiceStatus, Snapshot } from '../../preload/contract.ts'
import { appServer } from '../../services/app-server/contract.ts'
import { SERVICE_IDS, type ServiceId } from '../../services/contracts.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { isUp, type TableRow } from '../../services/kit/host-protocol.ts'

export interface ServiceView {
  readonly status: ServiceStatus
  /** Saved settings, without defaults. */
  readonly settings: Readonly<Record<string, unknown>>
  readonly rows: ReadonlyMap<string, TableRow>
  readonly lamp: Lamp
}
export type Services = Readonly<Record<ServiceId, ServiceView>>
export type View = 'browser' | 'lab' | 'packets' | ServiceId

export const isPanel = (view: View): view is ServiceId => view !== 'browser' && view !== 'lab' && view !== 'packets'

export interface Notice {
  readonly key: number
  readonly text: string
}

export interface VillageState {
  /** False until the first snapshot. */
  readonly isLoaded: boolean
  readonly mode: Mode
  readonly runtime: string
  readonly version: string
  readonly services: Services
  readonly notices: readonly Notice[]
  readonly view: View
  /** The action on all services that is in progress. */
  readonly busy: 'starting' | 'stopping' | 'changing mode' | undefined
  /** The error of the user's last action. */
  readonly error: ErrorParts | undefined
}

const NOTICES_MAX = 20
const ROWS_MAX = 2000

const unknownService = (id: ServiceId): ServiceView =>
  ({ status: { id, state: 'stopped', endpoints: [] }, settings: {}, rows: new Map(), lamp: { lit: false, sentence: 'Not checked yet.', tookMs: 0 } })

export const useVillage = create<VillageState>(() => ({
  isLoaded: false, mode: 'local', runtime: '', version: '', notices: [], view: 'browser', busy: undefined, error: undefined,
  services: { dns: unknownService('dns'), dhcp: unknownService('dhcp'), 'app-server': unknownService('app-server'), client: unknownService('client') },
}))

export function withSnapshot({ mode, runtime, version, services, notices }: Snapshot): Partial<VillageState> {
  const view = (id: ServiceId): ServiceView => ({ ...services[id], rows: new Map(services[id].rows) })
  return {
    isLoaded: true, mode, runtime, version,
    services: { dns: view('dns'), dhcp: view('dhcp'), 'app-server': view('app-server'), client: view('client') },
    notices: notices.slice(-NOTICES_MAX).map((text, key) => ({ key, text })),
  }
}

/**
 * A service that has stopped or is starting has an empty table: main sends no
 * changes for rows that ended with its process.
 */
export function withStatus(services: Services, status: ServiceStatus): Services {
  const before = services[status.id]
  const isEmptied = status.state === 'starting' || status.state === 'stopped'
  return { ...services, [status.id]: { ...before, status, rows: isEmptied ? new Map() : before.rows } }
}

/**
 * Applies changed rows: they move to the end, as in main; null removes a row;
 * if there are too many, the oldest are dropped.
 */
export function withRows(services: Services, { id, changes }: Pushed<'service:rows'>): Services {
  const rows = new Map(services[id].rows)
  for (const [key, row] of changes) {
    rows.delete(key)
    if (row !== null) rows.set(key, row)
  }
  for (const key of rows.keys()) {
    if (rows.size <= ROWS_MAX) break
    rows.delete(key)
  }
  return { ...services, [id]: { ...services[id], rows } }
}

export function withSettings(services: Services, { id, settings }: Pushed<'service:settings'>): Services {
  return { ...services, [id]: { ...services[id], settings } }
}

export function withLamp(services: Services, { id, lamp }: Pushed<'lamp'>): Services {
  return { ...services, [id]: { ...services[id], lamp } }
}

export function withNotice(notices: readonly Notice[], text: string): readonly Notice[] {
  const key = 1 + (notices[notices.length - 1]?.key ?? -1)
  return [...notices.slice(1 - NOTICES_MAX), { key, text }]
}

/** The page that the browser opens first. Uses the default domain if the saved one is invalid. */
export function homeUrlOf(services: Services): string {
  const { domain } = appServer.settings.shape
  return `http://${domain.safeParse(services['app-server'].settings['domain']).data ?? domain.parse(undefined)}/`
}

/** The progress of all services together. */
export interface Progress {
  readonly phase: 'off' | 'partly' | 'starting' | 'stopping' | 'on'
  readonly upCount: number
  /** The next service in start order that is not up. */
  readonly next: ServiceId | undefined
}

export function progressOf(services: Services, busy: VillageState['busy']): Progress {
  const upCount = SERVICE_IDS.filter(id => isUp(services[id].status)).length
  const next = SERVICE_IDS.find(id => !isUp(services[id].status))
  const settled = upCount === 0 ? 'off' : upCount === SERVICE_IDS.length ? 'on' : 'partly'
  return { phase: busy === 'starting' || busy === 'stopping' ? busy : settled, upCount, next }
}
