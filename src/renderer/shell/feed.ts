/** Main's pushes into the stores. It listens first and asks for the snapshot then, which replaces all that came before it. */
import type { Bridge } from '../../preload/contract.ts'
import { SERVICE_IDS } from '../../services/contracts.ts'
import { partsOf } from '../../services/kit/errors.ts'
import { isUp } from '../../services/kit/host-protocol.ts'
import { openFirst, openForPage } from '../browser/page.ts'
import { takeClientEvent } from '../journey/store.ts'
import { lookAtLink } from '../lab/actions.ts'
import { forgetService, takeLoaded } from '../lab/store.ts'
import { logOf } from '../service-panel/log.ts'
import { perform } from './shortcuts.ts'
import { homeUrlOf, useVillage, withLamp, withNotice, withRows, withSettings, withSnapshot, withStatus } from './store.ts'

export async function feed(bridge: Bridge): Promise<void> {
  const { getState, setState } = useVillage
  bridge.on('service:status', status => {
    setState(({ services }) => ({ services: withStatus(services, status) }))
    if (isUp(status)) learnLink(status.id)
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
    takeClientEvent(name, data)
    takeLoaded(name, data)
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
      if (isUp(status)) learnLink(id)
    }
  } catch (thrown) {
    setState({ error: partsOf(thrown) })
  }
}

/** What the service's settings do to its links. */
function learnLink(id: string): void {
  lookAtLink(id).catch(() => undefined) // it ended meanwhile, which is told too
}
