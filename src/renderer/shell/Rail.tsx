/** The left side: the primary button, the mode switch, and the village with one house per service. */
import { useBrowser } from '../browser/store.ts'
import { badLink, useLab } from '../lab/store.ts'
import type { Mode } from '../../preload/contract.ts'
import { SERVICE_IDS } from '../../services/contracts.ts'
import { nameLink, parseLink } from '../../services/kit/link-text.ts'
import { PacketsIcon, PlotIcon, WindowIcon } from '../ui/icons.tsx'
import { Segmented, type Segment } from '../ui/Segmented.tsx'
import { setMode, show } from './actions.ts'
import { ServiceCard } from './ServiceCard.tsx'
import { StartButton } from './StartButton.tsx'
import { progressOf, useVillage, type Progress } from './store.ts'

const modes: readonly Segment<Mode>[] = [{ value: 'local', label: 'Local' }, { value: 'lan', label: 'LAN' }]
const modeSentence: Readonly<Record<Mode, string>> = {
  local: 'Only this computer can reach the services.',
  lan: 'Other devices on your network can reach them too. Your firewall may ask for permission.',
}

const hint: Readonly<Record<Progress['phase'], string>> = {
  off: 'All lights are off.', partly: 'Some lights are on.', starting: 'The lights are coming on…', stopping: 'The lights are going out…', on: 'All lights are on.',
}

export function Rail() {
  const { mode, view, busy, runtime, version, services } = useVillage()
  const link = useLab(badLink)
  const hasPage = useBrowser(state => state.url !== '')
  // The start page has the same button, and only one is shown at a time.
  const progress = progressOf(services, busy)
  const isOnStartPage = view === 'browser' && !hasPage && progress.phase !== 'on'
  return (
    <aside className="rail" aria-label="Village">
      <p className="brand">Hamlet</p>
      <div className="rail-start">{isOnStartPage ? <p className="rail-hint">{hint[progress.phase]}</p> : <StartButton />}</div>
      <div className="rail-mode">
        <Segmented
          label="Who can reach the services" segments={modes} value={mode} isPending={busy !== undefined}
          onChange={chosen => { void setMode(chosen) }}
        />
        <p className="rail-sentence">{modeSentence[mode]}</p>
      </div>
      <nav className="village" aria-label="Views">
        <button
          type="button" className="rail-browser" aria-current={view === 'browser' ? 'page' : undefined}
          aria-keyshortcuts="Control+1" title="Ctrl+1" onClick={() => show('browser')}
        >
          <WindowIcon />Browser
        </button>
        <ul className="houses">{SERVICE_IDS.map(id => <ServiceCard key={id} id={id} />)}</ul>
        <button
          type="button" className="rail-browser" aria-current={view === 'lab' ? 'page' : undefined}
          aria-keyshortcuts="Control+6" title="Ctrl+6" onClick={() => show('lab')}
        >
          <PlotIcon />Lab{link !== undefined && <small className="rail-link">link: {nameLink(parseLink(link))}</small>}
        </button>
        <button
          type="button" className="rail-browser" aria-current={view === 'packets' ? 'page' : undefined}
          aria-keyshortcuts="Control+7" title="Ctrl+7" onClick={() => show('packets')}
        >
          <PacketsIcon />Packets
        </button>
      </nav>
      <p className="rail-foot" title={runtime}>{version === '' ? '' : `Hamlet ${version}`}<br />{runtime}</p>
    </aside>
  )
}
