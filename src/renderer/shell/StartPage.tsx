/** Shown in place of the page before the first one: what Hamlet is, one button, and the village lighting up. */
import { openUrl } from '../browser/page.ts'
import { SERVICE_IDS } from '../../services/contracts.ts'
import { Button } from '../ui/Button.tsx'
import { Lamp } from '../ui/Lamp.tsx'
import { StartButton } from './StartButton.tsx'
import { homeUrlOf, progressOf, useVillage } from './store.ts'
import { serviceLabels } from './service-labels.ts'

export function StartPage() {
  const { services, busy } = useVillage()
  const homeUrl = homeUrlOf(services)
  const { phase } = progressOf(services, busy)
  return (
    <div className="start">
      <ol className="start-houses" aria-label="Services, in start order">
        {SERVICE_IDS.map(id => (
          <li key={id} data-lit={services[id].lamp.lit}>
            <Lamp lit={services[id].lamp.lit} sentence={services[id].lamp.sentence} size={56} />
            <b>{serviceLabels[id].term}</b>
            <span>{serviceLabels[id].description}</span>
          </li>
        ))}
      </ol>
      <h1>A whole network in one window</h1>
      <p>
        Hamlet is the DNS server, the DHCP server, the application server and the browser of a small network.
        A house lights up once its service has answered a real request.
      </p>
      {phase === 'on' ? <Button look="primary" onPress={() => openUrl(homeUrl)}>Open {homeUrl}</Button> : <StartButton />}
      <p className="start-promise">Hamlet changes nothing else on this computer.</p>
    </div>
  )
}
