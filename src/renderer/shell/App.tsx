/**
 * The window: the village on the left; beside it the browser, a service's panel, the lab or
 * the packets. Only this folder combines features.
 */
import { useEffect, useMemo, useRef, type ComponentType } from 'react'
import type { ServiceStatus } from '../../preload/contract.ts'
import { contractOf, type ServiceId } from '../../services/contracts.ts'
import { isUp } from '../../services/kit/host-protocol.ts'
import { Browser } from '../browser/Browser.tsx'
import { setOnline } from '../browser/page.ts'
import { useBrowser } from '../browser/store.ts'
import { DhcpForms } from '../dhcp/DhcpForms.tsx'
import { DnsForms } from '../dns/DnsForms.tsx'
import { JourneyStrip, type StepOfPage } from '../journey/JourneyStrip.tsx'
import { Lab } from '../lab/Lab.tsx'
import { Packets } from '../packets/Packets.tsx'
import { showStep } from '../packets/store.ts'
import { labelOf } from '../service-panel/labels.ts'
import { ServicePanel } from '../service-panel/ServicePanel.tsx'
import { show, startService, stopService } from './actions.ts'
import { useAnnouncement } from './announce.ts'
import { keepFocus, watchFocus } from './focus.ts'
import { Notices } from './Notices.tsx'
import { Rail } from './Rail.tsx'
import './shell.css'
import { useShortcuts } from './shortcuts.ts'
import { StartPage } from './StartPage.tsx'
import { homeUrlOf, isPanel, useVillage } from './store.ts'

/** Forms that only one service's panel has. */
const forms: Partial<Record<ServiceId, ComponentType<{ readonly status: ServiceStatus }>>> = { dns: DnsForms, dhcp: DhcpForms }

export function App() {
  const view = useVillage(state => state.view)
  const isOnline = useVillage(state => isUp(state.services.client.status))
  const stage = useRef<HTMLDivElement>(null)
  useShortcuts()
  useEffect(() => stage.current?.scrollIntoView({ block: 'nearest' }), [view]) // at a very large zoom it is below the village
  useEffect(() => setOnline(isOnline), [isOnline])
  useEffect(() => stage.current === null ? undefined : watchFocus(stage.current), [])
  useEffect(() => keepFocus(stage.current), [view])
  return (
    <div className="window">
      <Rail />
      <main className="centre">
        <Notices />
        <div className="stage" ref={stage} role="group" aria-label="View" tabIndex={-1}>
          <Browser isHidden={view !== 'browser'} beforeFirstPage={<StartPage />}><JourneyStrip onOpen={openStep} /></Browser>
          {view === 'lab' && <LabView />}
          {view === 'packets' && <PacketsView />}
          {isPanel(view) && <Panel key={view} id={view} />}
        </div>
      </main>
      <Announcer />
    </div>
  )
}

/** Shows the packets of a step, as the client recorded them. */
function openStep({ number, title, url, traced, span }: StepOfPage): void {
  showStep(traced, { what: `step ${number} (${title})${url === undefined ? '' : ` of ${url}`}`, ...span })
  show('packets')
}

function LabView() {
  const isServerUp = useVillage(state => isUp(state.services['app-server'].status))
  const isClientUp = useVillage(state => isUp(state.services.client.status))
  const homeUrl = useVillage(state => homeUrlOf(state.services))
  const ends = useMemo(() => ({ 'app-server': isServerUp, client: isClientUp }), [isServerUp, isClientUp])
  return <Lab isUp={ends} homeUrl={homeUrl} columnLabel={labelOf} />
}

function PacketsView() {
  const { dns, dhcp, 'app-server': appServer, client } = useVillage(state => state.services)
  const pidOf = ({ status }: { readonly status: ServiceStatus }) => isUp(status) ? status.pid : undefined
  return <Packets pids={{ dns: pidOf(dns), dhcp: pidOf(dhcp), 'app-server': pidOf(appServer), client: pidOf(client) }} />
}

function Panel({ id }: { readonly id: ServiceId }) {
  const service = useVillage(state => state.services[id])
  const Forms = forms[id]
  return (
    <ServicePanel id={id} contract={contractOf(id)} service={service} onStart={settings => startService(id, settings)} onStop={() => { void stopService(id) }}>
      {Forms !== undefined && <Forms status={service.status} />}
    </ServicePanel>
  )
}

function Announcer() {
  const { dns, dhcp, 'app-server': appServer, client } = useVillage(state => state.services)
  const { url, count } = useBrowser(state => state.lastLoad)
  const news = useMemo(
    () => ({ states: { dns: dns.status.state, dhcp: dhcp.status.state, 'app-server': appServer.status.state, client: client.status.state }, page: { url, count } }),
    [dns.status.state, dhcp.status.state, appServer.status.state, client.status.state, url, count],
  )
  return <p className="visually-hidden" role="status" aria-live="polite">{useAnnouncement(news)}</p>
}
