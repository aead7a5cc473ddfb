/** The panel of any service, generated from its contract: state, addresses, table, settings and console. */
import { lazy, Suspense, useMemo, type ReactNode } from 'react'
import type { Lamp as LampState, ServiceStatus } from '../../preload/contract.ts'
import type { ServiceId } from '../../services/contracts.ts'
import type { Contract } from '../../services/kit/contract.ts'
import type { ErrorParts } from '../../services/kit/errors.ts'
import { isUp, type TableRow } from '../../services/kit/host-protocol.ts'
import { Button } from '../ui/Button.tsx'
import { DataTable } from '../ui/DataTable.tsx'
import { ErrorSentence } from '../ui/ErrorSentence.tsx'
import { Lamp } from '../ui/Lamp.tsx'
import { labelOf } from './labels.ts'
import { LiveTable } from './LiveTable.tsx'
import { logOf } from './log.ts'
import { endpointLines, stateSentence } from './sentences.ts'
import './service-panel.css'
import { SettingsForm } from './SettingsForm.tsx'

const LiveConsole = lazy(async () => ({ default: (await import('./LiveConsole.tsx')).LiveConsole }))

export interface ServicePanelProps {
  readonly id: ServiceId
  readonly contract: Contract
  readonly service: {
    readonly status: ServiceStatus
    readonly settings: Readonly<Record<string, unknown>>
    readonly rows: ReadonlyMap<string, TableRow>
    readonly lamp: LampState
  }
  /** Saves the settings and starts or restarts the service. @returns the error, if any */
  readonly onStart: (settings: Readonly<Record<string, unknown>>) => Promise<ErrorParts | undefined>
  readonly onStop: () => void
  /** Forms that only this service has, shown above its table. */
  readonly children?: ReactNode
}

export function ServicePanel({ id, contract, service, onStart, onStop, children }: ServicePanelProps) {
  const { status, settings, rows, lamp } = service
  const { title, summary, table, liveTable } = contract
  const columns = useMemo(() => Object.keys(table.row.shape), [table])
  const isRunning = isUp(status)
  const isMoving = status.state === 'starting' || status.state === 'stopping'
  return (
    <section className="panel" aria-label={title}>
      <header className="panel-head">
        <Lamp lit={lamp.lit} sentence={lamp.sentence} size={40} />
        <div className="panel-title">
          <h1>{title}</h1>
          <p>{summary}</p>
        </div>
        <Button look={isRunning ? 'plain' : 'primary'} isPending={isMoving} onPress={() => { if (isRunning) onStop(); else void onStart(settings) }}>
          {isRunning ? 'Stop' : 'Start'}
        </Button>
      </header>
      <div className="panel-body">
        <div className="panel-left">
          <Status status={status} lamp={lamp} />
          {isRunning && children}
          <DataTable title={table.title} empty={isRunning ? table.empty : `${title} is not running.`} columns={columns} heading={labelOf} rows={rows} />
          {isRunning && liveTable !== undefined && <LiveTable id={id} table={liveTable} />}
          <section className="panel-console">
            <h2>Console</h2>
            <Suspense fallback={<div className="console"><p className="console-empty">Loading…</p></div>}>
              <LiveConsole log={logOf(id)} label={`Console of ${title}`} />
            </Suspense>
          </section>
        </div>
        <section className="panel-right" aria-label="Settings">
          <h2>Settings</h2>
          <SettingsForm contract={contract} settings={settings} isRunning={isRunning} onApply={onStart} />
        </section>
      </div>
    </section>
  )
}

function Status({ status, lamp }: { readonly status: ServiceStatus; readonly lamp: LampState }) {
  const endpoints = endpointLines(status.endpoints)
  return (
    <section className="status" aria-label="State">
      <p className="status-sentence" data-state={status.state}>{stateSentence(status)}</p>
      {status.state !== 'stopped' && lamp.sentence !== '' && <p className="status-proof">{lamp.lit ? 'Verified' : 'Not verified'}: {lamp.sentence}</p>}
      {endpoints.length > 0 && (
        <ul className="endpoints" aria-label="Addresses">
          {endpoints.map(({ key, name, text }) => <li key={key}><b>{name}</b> <span>{text}</span></li>)}
        </ul>
      )}
      {status.error !== undefined && <ErrorSentence error={status.error} />}
    </section>
  )
}
