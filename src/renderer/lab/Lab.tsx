/** The lab: a link as bad as one wants, what it does to a RUDP connection, and what congestion control makes of it. */
import { useEffect } from 'react'
import { connectionRow, connectionsTable } from '../../services/rudp/core/lab/commands.ts'
import { DataTable } from '../ui/DataTable.tsx'
import { ErrorSentence } from '../ui/ErrorSentence.tsx'
import { dismissError, linkChange, look } from './actions.ts'
import { Chooser } from './Chooser.tsx'
import { ControlForm } from './ControlForm.tsx'
import './lab.css'
import { LinkForm } from './LinkForm.tsx'
import { Loader } from './Loader.tsx'
import { beginWhereItRuns, useLab, type LabEnd } from './store.ts'
import { Watched } from './Watched.tsx'

const columns = Object.keys(connectionRow.shape)

export interface LabProps {
  /** Which of the services that have RUDP connections run. */
  readonly isUp: Readonly<Record<LabEnd, boolean>>
  /** The site that is loaded from. */
  readonly homeUrl: string
  readonly columnLabel: (column: string) => string
}

export function Lab({ isUp, homeUrl, columnLabel }: LabProps) {
  // One by one: samples come ten times a second, and nothing here is drawn from them.
  const end = useLab(state => state.end)
  const link = useLab(state => state.link)
  const rows = useLab(state => state.rows)
  const error = useLab(state => state.error)
  const isRunning = isUp[end]
  useEffect(() => beginWhereItRuns(isUp), []) // only when it opens: a service that crashes comes back
  useEffect(() => isRunning ? look(end) : undefined, [end, isRunning])
  return (
    <section className="panel lab" aria-label="Lab">
      <header className="panel-head">
        <div className="panel-title">
          <h1>Lab</h1>
          <p>A bad link, and what congestion control makes of it.</p>
        </div>
        <Loader isClientUp={isUp.client} homeUrl={homeUrl} />
      </header>
      <div className="panel-body">
        <div className="panel-left">
          {error !== undefined && <div role="alert"><ErrorSentence error={error} onDismiss={dismissError} /></div>}
          <Chooser />
          {isRunning ? <Watched /> : <div className="lab-empty"><p>{end === 'client' ? 'The client' : 'The app server'} is off: switch it on, or look from the other end.</p></div>}
          <DataTable title={connectionsTable.title} empty={connectionsTable.empty} columns={columns} heading={columnLabel} rows={rows} />
        </div>
        <div className="panel-right">
          <ControlForm isDisabled={!isRunning} />
          <LinkForm key={end} link={link} isDisabled={!isRunning} onChange={linkChange} />
        </div>
      </div>
    </section>
  )
}
