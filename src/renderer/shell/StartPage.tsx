/** Stands in the page's place before the first page: what Hamlet is, one button, and the village lighting up. */
import { openUrl } from '../browser/page.ts'
import { SERVICE_IDS } from '../../services/contracts.ts'
import { Button } from '../ui/Button.tsx'
import { Lamp } from '../ui/Lamp.tsx'
import { StartButton } from './StartButton.tsx'
import { homeUrlOf, progressOf, useVillage } from './store.ts'
import { houses } from './village.ts'

export function StartPage() {
  const { services, busy } = useVillage()
  const homeUrl = homeUrlOf(services)
  const { phase } = progressOf(services, busy)
  return (
    <div className="start">
      <ol className="start-houses" aria-label="What will be started, in this order">
        {SERVICE_IDS.map(id => (
          <li key={id} data-lit={services[id].lamp.lit}>
            <Lamp lit={services[id].lamp.lit} sentence={services[id].lamp.sentence} size={56} />
            <b>{houses[id].term}</b>
            <span>{houses[id].does}</span>
          </li>
        ))}
      </ol>
      <h1>A whole network in one window</h1>
      <p>
        Hamlet is the DNS server, the DHCP server, the application server and the browser of a small network.
        A lit window is a server that has really answered.
      </p>
      {phase === 'on' ? <Button look="primary" onPress={() => openUrl(homeUrl)}>Open {homeUrl}</Button> : <StartButton />}
      <p className="start-promise">Nothing else on this computer is changed.</p>
    </div>
  )
}
