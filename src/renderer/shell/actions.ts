/** What the user can do with the services and the window. */
import type { Mode } from '../../preload/contract.ts'
import type { ServiceId } from '../../services/contracts.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { bridge, errorOf } from '../bridge.ts'
import { shownPage } from '../browser/page.ts'
import { useVillage, type VillageState, type View } from './store.ts'

export const startEverything = () => whileBusy('starting', () => bridge().invoke('roles:start', {}))
export const stopEverything = () => whileBusy('stopping', () => bridge().invoke('roles:stop', {}))
export const setMode = (mode: Mode) => whileBusy('changing mode', () => bridge().invoke('mode:set', { mode }))

/** Saves a service's settings and starts or restarts it. @returns the error, if any */
export const startService = (id: ServiceId, settings: Readonly<Record<string, unknown>>) =>
  reported(bridge().invoke('service:start', { id, settings: { ...settings } }))
export const stopService = (id: ServiceId) => reported(bridge().invoke('service:stop', { id }))

export function switchService(id: ServiceId, isOn: boolean): void {
  void (isOn ? startService(id, useVillage.getState().services[id].settings) : stopService(id))
}

/** Saves the shown page or view as a PDF where the user chooses. */
export function savePdf(): void {
  const isPage = useVillage.getState().view === 'browser'
  const webContentsId = isPage ? shownPage() : undefined
  if (!isPage || webContentsId !== undefined) void reported(bridge().invoke('pdf:save', { webContentsId }))
}

export const show = (view: View) => useVillage.setState({ view })
export const dismissError = () => useVillage.setState({ error: undefined })
export const dismissNotice = (key: number) => useVillage.setState(({ notices }) => ({ notices: notices.filter(notice => notice.key !== key) }))

async function whileBusy(busy: NonNullable<VillageState['busy']>, ask: () => Promise<{ error?: ErrorParts | undefined }>): Promise<void> {
  if (useVillage.getState().busy !== undefined) return
  useVillage.setState({ busy })
  await reported(ask())
  useVillage.setState({ busy: undefined })
}

async function reported(answer: Promise<{ error?: ErrorParts | undefined }>): Promise<ErrorParts | undefined> {
  useVillage.setState({ error: undefined })
  const error = await errorOf(answer)
  if (error !== undefined) useVillage.setState({ error })
  return error
}
