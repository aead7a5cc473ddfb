/** The lab: impairs the link of RUDP connections, and shows how congestion control responds. */
import { useEffect } from 'react'
import { connectionRow, connectionsTable } from '../../services/rudp/core/lab/commands.ts'
import { DataTable } from '../ui/DataTable.tsx'
import { ErrorSentence } from '../ui/ErrorSentence.tsx'
import { dismissError, linkChange, pollConnection } from './actions.ts'
import { Chooser } from './Chooser.tsx'
import { ControlForm } from './ControlForm.tsx'
import './lab.css'
import { LinkForm } from './LinkForm.tsx'
import { Loader } from './Loader.tsx'
import { selectRunningEnd, useLab, type LabEnd } from './store.ts'
import { Watched } from './Watched.tsx'

const columns = Object.keys(connectionRow.shape)

export interface LabProps {
  /** Which of the services that have RUDP connections are running. */
  readonly isUp: Readonly<Record<LabEnd, boolean>>
  /** The site to load from. */
  readonly homeUrl: string
  readonly columnLabel: (column: string) => string
}

export function Lab({ isUp, homeUrl, columnLabel }: LabProps) {
  // Selected one by one, so that new samples, ten times a second, do not render this component again.
  const end = useLab(state => state.end)
  const link = useLab(state => state.link)
  const rows = useLab(state => state.rows)
  const error = useLab(state => state.error)
  const isRunning = isUp[end]
  useEffect(() => selectRunningEnd(isUp), []) // only when the lab opens: a service that crashes is restarted
  useEffect(() => isRunning ? pollConnection(end) : undefined, [end, isRunning])
  return (
    <section className="panel lab" aria-label="Lab">
      <header className="panel-head">
        <div className="panel-title">
          <h1>Lab</h1>
          <p>Watch congestion control on a bad link.</p>
        </div>
        <Loader isClientUp={isUp.client} homeUrl={homeUrl} />
      </header>
      <div className="panel-body">
        <div className="panel-left">
          {error !== undefined && <div role="alert"><ErrorSentence error={error} onDismiss={dismissError} /></div>}
          <Chooser />
          {isRunning ? <Watched /> : <div className="lab-empty"><p>{end === 'client' ? 'The client' : 'The app server'} is off. Switch it on, or choose the other end.</p></div>}
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
