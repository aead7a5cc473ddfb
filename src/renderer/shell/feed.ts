/**
 * Feeds main's pushes into the stores. It subscribes first and then requests
 * the snapshot, which replaces all earlier pushes.
 */
import type { Bridge } from '../../preload/contract.ts'
import { SERVICE_IDS } from '../../services/contracts.ts'
import { partsOf } from '../../services/kit/errors.ts'
import { isUp } from '../../services/kit/host-protocol.ts'
import { openFirst, openForPage } from '../browser/page.ts'
import { handleClientEvent } from '../journey/store.ts'
import { refreshLink } from '../lab/actions.ts'
import { forgetService, handleLoaded } from '../lab/store.ts'
import { logOf } from '../service-panel/log.ts'
import { perform } from './shortcuts.ts'
import { homeUrlOf, useVillage, withLamp, withNotice, withRows, withSettings, withSnapshot, withStatus } from './store.ts'

export async function feed(bridge: Bridge): Promise<void> {
  const { getState, setState } = useVillage
  bridge.on('service:status', status => {
    setState(({ services }) => ({ services: withStatus(services, status) }))
    if (isUp(status)) fetchLink(status.id)
    else forgetService(status.id)
  })
  bridge.on('service:rows', pushed => setState(({ services }) => ({ services: withRows(services, pushed) })))
  bridge.on('service:settings', pushed => setState(({ services }) => ({ services: withSettings(services, pushed) })))
  bridge.on('lamp', pushed => setState(({ services }) => ({ services: withLamp(services, pushed) })))
  bridge.on('mode', ({ mode }) => setState({ mode }))
  bridge.on('notice', ({ text }) => setState(({ notices }) => ({ notices: withNotice(notices, text) })))
  bridge.on('service:line', ({ id, line }) => logOf(id).append(line))
  bridge.on('service:event', ({ id, name, data }) => {
    if (id !== 'client') return
    handleClientEvent(name, data)
    handleLoaded(name, data)
  })
  bridge.on('browser:open', ({ url }) => openForPage(url))
  bridge.on('browser:first', () => openFirst(homeUrlOf(getState().services)))
  bridge.on('shortcut', ({ shortcut }) => perform(shortcut))
  try {
    const snapshot = await bridge.invoke('app:snapshot', {})
    setState(withSnapshot(snapshot))
    for (const id of SERVICE_IDS) {
      const { log, status } = snapshot.services[id]
      logOf(id).replace(log)
      if (isUp(status)) fetchLink(id)
    }
  } catch (thrown) {
    setState({ error: partsOf(thrown) })
  }
}

/** Fetches the link conditions that the service's settings impose. */
function fetchLink(id: string): void {
  refreshLink(id).catch(() => undefined) // the service has stopped again, which its status reports
}
