/** One house of the village: a service's lamp, name, address and switch. */
import { Fragment, useId, useRef } from 'react'
import { Button as AriaButton, Tooltip, TooltipTrigger } from 'react-aria-components'
import { contractOf, type ServiceId } from '../../services/contracts.ts'
import { addressLine } from '../service-panel/sentences.ts'
import { Lamp } from '../ui/Lamp.tsx'
import { Switch } from '../ui/Switch.tsx'
import { show, switchService } from './actions.ts'
import { views } from './shortcuts.ts'
import { useVillage, type ServiceView } from './store.ts'
import { serviceLabels } from './service-labels.ts'

const TOOLTIP_DELAY_MS = 500

export function ServiceCard({ id }: { readonly id: ServiceId }) {
  const service = useVillage(state => state.services[id])
  const isCurrent = useVillage(state => state.view === id)
  const busy = useVillage(state => state.busy)
  const [labelId, stateId] = [useId(), useId()]
  const card = useRef<HTMLLIElement>(null)
  const { state } = service.status
  const title = contractOf(id).title
  return (
    <li ref={card} className="house" data-current={isCurrent} data-state={state}>
      <Lamp lit={service.lamp.lit} sentence={service.lamp.sentence} size={32} testId={`lamp-${id}`} />
      <TooltipTrigger delay={TOOLTIP_DELAY_MS}>
        <AriaButton className="house-open" aria-labelledby={labelId} aria-describedby={stateId} {...(isCurrent && { 'aria-current': 'page' as const })} onPress={() => show(id)}>
          <span className="house-name"><b id={labelId}>{serviceLabels[id].term}</b> <small>{serviceLabels[id].gloss}</small></span>
          <span id={stateId}><StateLine {...service} /></span>
        </AriaButton>
        <Tooltip className="tooltip" placement="right" offset={8} triggerRef={card}>
          {service.lamp.sentence === '' ? `${title}: ${serviceLabels[id].description}.` : service.lamp.sentence} <kbd>Ctrl+{views.indexOf(id) + 1}</kbd>
        </Tooltip>
      </TooltipTrigger>
      <Switch
        label={title} isOn={state !== 'stopped' && state !== 'stopping' && state !== 'failed'} isDisabled={busy !== undefined || state === 'stopping'}
        onChange={isOn => switchService(id, isOn)}
      />
    </li>
  )
}

function StateLine({ status: { state, endpoints, error } }: ServiceView) {
  switch (state) {
    case 'running': return <span className="house-state house-address"><Address text={addressLine(endpoints) || 'On'} /></span>
    case 'degraded': return <span className="house-state house-warn"><span className="house-address"><Address text={addressLine(endpoints)} /></span> with a problem</span>
    case 'failed': return <span className="house-state house-failed">{error === undefined ? 'Failed' : error.what}</span>
    case 'starting': return <span className="house-state">Starting…</span>
    case 'stopping': return <span className="house-state">Stopping…</span>
    case 'stopped': return <span className="house-state">Off</span>
  }
}

/** An address that may wrap before its port. */
function Address({ text }: { readonly text: string }) {
  return text.split(/(?=:)/).map((part, index) => <Fragment key={index}>{index > 0 && <wbr />}{part}</Fragment>)
}
