/** The packets of a service as they were on the wire: a list of them, and each of them field by field and byte by byte. */
import { useEffect, useMemo, useState } from 'react'
import { contractOf, type ServiceId } from '../../services/contracts.ts'
import { PROTOCOLS } from '../../services/kit/trace.ts'
import { Button } from '../ui/Button.tsx'
import { ErrorSentence } from '../ui/ErrorSentence.tsx'
import { Labelled } from '../ui/Labelled.tsx'
import { RowList } from '../ui/RowList.tsx'
import { Segmented, type Segment } from '../ui/Segmented.tsx'
import { Select, type Option } from '../ui/Select.tsx'
import { Details } from './Details.tsx'
import './packets.css'
import { readTrace, savePcapng } from './reading.ts'
import { dissectionOf, PROTOCOL_MARKS, PROTOCOL_NAMES, secondsText, sentenceOf } from './rows.ts'
import { resetForProcess, choose, clear, follow, matchesFilter, newerThan, pause, usePackets, setFilter, type PacketsState, type TraceRecord, type ProtocolFilter } from './store.ts'

export interface PacketsProps {
  /** The processes of the services that run. */
  readonly pids: Readonly<Record<ServiceId, number | undefined>>
}

const ROW_PX = 26
/** As many rows as leave room below for the packet that is looked into: 6 in the smallest window, 16 in a large one. */
const rowsFor = (heightPx: number) => Math.min(16, Math.max(6, Math.round((heightPx - 400) / 36)))
const ends: readonly Segment<ServiceId>[] = [{ value: 'dns', label: 'DNS' }, { value: 'dhcp', label: 'DHCP' }, { value: 'app-server', label: 'App server' }, { value: 'client', label: 'Client' }]
const protocolOptions: readonly Option<ProtocolFilter>[] = [{ value: 'all', label: 'all protocols' }, ...PROTOCOLS.map(value => ({ value, label: PROTOCOL_NAMES[value] }))]
const kinds: readonly Segment<'packets' | 'events'>[] = [{ value: 'packets', label: 'Packets' }, { value: 'events', label: 'and events' }]

export function Packets({ pids }: PacketsProps) {
  const { end, records, missed, protocolFilter, includesEvents, timeFilter, paused, selected, error } = usePackets()
  const [saved, setSaved] = useState('')
  const rowsInView = rowsFor(window.innerHeight)
  const geometry = useMemo(() => ({ rowPx: ROW_PX, rowsInView }), [rowsInView])
  const pid = pids[end]
  useEffect(() => {
    if (pid === undefined) return
    resetForProcess(pid)
    return readTrace(end)
  }, [end, pid])
  const live = useMemo(() => records.filter(record => matchesFilter({ protocolFilter, includesEvents, timeFilter }, record)), [records, protocolFilter, includesEvents, timeFilter])
  const shown = paused ?? live
  /** What is past is read from its beginning. */
  const isFollowing = paused === undefined && timeFilter === undefined
  const startMs = shown[0]?.atMs ?? 0
  const index = selected === undefined ? -1 : shown.indexOf(selected)
  const change = (act: () => void) => {
    setSaved('')
    act()
  }
  const save = async () => {
    const path = await savePcapng(end, shown)
    setSaved(path === undefined ? '' : `Saved as ${path}.`)
  }
  const title = contractOf(end).title
  const newer = newerThan(shown, live)
  return (
    <section className="panel packets" aria-label="Packets">
      <header className="panel-head">
        <div className="panel-title">
          <h1>Packets</h1>
          <p>What a service has received and sent, as it was on the wire.</p>
        </div>
        <Button onPress={() => change(clear)}>Clear</Button>
        <Button isDisabled={!shown.some(({ kind }) => kind === 'packet')} onPress={() => { void save() }}>Export pcapng…</Button>
      </header>
      <div className="packets-body">
        {error !== undefined && <div role="alert"><ErrorSentence error={error} /></div>}
        <Choice onChange={change} />
        <div className="packets-list">
          <div className="packets-row packets-heads" aria-hidden="true"><span>seconds</span><span>protocol</span><span>peer</span><span>bytes</span><span>what it says</span></div>
          {shown.length === 0 ? <p className="packets-empty">{pid === undefined ? `${title} is off: switch it on, and its packets come here.` : whyEmpty({ protocolFilter, includesEvents, timeFilter })}</p> : (
            <RowList
              label="Packets, the newest at the end. Arrow keys move along them." geometry={geometry} rows={shown} isFollowing={isFollowing} cursor={index < 0 ? undefined : index}
              keyOf={({ sequence }) => sequence} sentenceOf={record => sentenceOf(record, startMs)} onFollow={follow} onPause={() => pause(shown)}
              onGo={place => pause(shown, shown[place])}
            >
              {record => <Row record={record} startMs={startMs} />}
            </RowList>
          )}
          <div className="packets-foot">
            {/* What counts is not told as it changes: it changes with every packet. */}
            <p>
              <span role="status">{timeFilter !== undefined ? CHOOSE : isFollowing ? `The newest are followed. ${CHOOSE}` : 'Paused'}</span>
              {timeFilter === undefined && !isFollowing && newerText(newer)} {missed > 0 && `${missed} came too fast to be kept.`} <span role="status">{saved}</span>
            </p>
            {timeFilter === undefined && <Button isDisabled={shown.length === 0} onPress={() => { if (isFollowing) pause(shown); else follow() }}>{isFollowing ? 'Pause' : 'Follow'}</Button>}
          </div>
        </div>
        {selected !== undefined && <Details record={selected} />}
      </div>
    </section>
  )
}

const CHOOSE = 'Choose one to look into it.'

function newerText(newer: number): string {
  return newer === 0 ? '; nothing has come since.' : `; ${newer} newer ${newer === 1 ? 'one has' : 'ones have'} come.`
}

/** Why a list is empty, and what to do: HTTP's packets are never there, those of a step may not have been needed. */
function whyEmpty({ protocolFilter, includesEvents, timeFilter }: Pick<PacketsState, 'protocolFilter' | 'includesEvents' | 'timeFilter'>): string {
  const isOfTcp = protocolFilter === 'http'
  if (isOfTcp && timeFilter !== undefined) return 'TCP is the system’s, and so are its packets: Wireshark shows them. Over RUDP they are seen here.'
  if (isOfTcp && !includesEvents) return 'HTTP has no packets of its own: they are RUDP’s, or TCP’s, which Wireshark shows. “and events” shows its requests.'
  if (timeFilter !== undefined) return 'No packet of that time: none was needed, or it is no longer kept.'
  return 'Nothing yet. Open a page in the browser, and look again.'
}

/** Which packets are shown. @param onChange does what it is given */
function Choice({ onChange }: { readonly onChange: (act: () => void) => void }) {
  const { end, protocolFilter, includesEvents, timeFilter } = usePackets()
  return (
    <div className="packets-choice">
      <Labelled label="Seen from"><Segmented label="Seen from" segments={ends} value={end} onChange={value => onChange(() => choose(value))} /></Labelled>
      <Select label="Protocol" options={protocolOptions} value={protocolFilter} onChange={value => onChange(() => setFilter({ protocolFilter: value }))} />
      <Labelled label="Shown"><Segmented label="Shown" segments={kinds} value={includesEvents ? 'events' : 'packets'} onChange={value => onChange(() => setFilter({ includesEvents: value === 'events' }))} /></Labelled>
      {timeFilter !== undefined && <p className="packets-timeFilter">Only the packets of {timeFilter.what} <Button onPress={() => onChange(() => setFilter({ timeFilter: undefined }))}>Show all</Button></p>}
    </div>
  )
}

function Row({ record, startMs }: { readonly record: TraceRecord; readonly startMs: number }) {
  const { protocol, kind, direction, path, wholeBytes, atMs } = record
  const arrow = direction === 'in' ? '←' : direction === 'out' ? '→' : ''
  return (
    <div className="packets-row" data-kind={kind}>
      <span>{secondsText(atMs, startMs)}</span>
      <span className="packets-protocol" data-protocol={protocol}>{PROTOCOL_MARKS[protocol]} {PROTOCOL_NAMES[protocol]}</span>
      <span>{arrow} {path.split(' > ')[1] ?? ''}</span>
      <span>{kind === 'packet' ? wholeBytes : ''}</span>
      <span>{dissectionOf(record).summary}</span>
    </div>
  )
}
