/** The packets of a service as they were on the wire: a list, and the selected packet field by field and byte by byte. */
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
import { clear, follow, matchesFilter, newerThan, pause, resetForProcess, selectService, setFilter, usePackets, type PacketsState, type ProtocolFilter, type TraceRecord } from './store.ts'

export interface PacketsProps {
  /** The process ids of the running services. */
  readonly pids: Readonly<Record<ServiceId, number | undefined>>
}

const ROW_PX = 26
/** As many rows as leave room below for the selected packet: 6 in the smallest window, 16 in a large one. */
const rowsFor = (heightPx: number) => Math.min(16, Math.max(6, Math.round((heightPx - 400) / 36)))
const services: readonly Segment<ServiceId>[] = [{ value: 'dns', label: 'DNS' }, { value: 'dhcp', label: 'DHCP' }, { value: 'app-server', label: 'App server' }, { value: 'client', label: 'Client' }]
const protocolOptions: readonly Option<ProtocolFilter>[] = [{ value: 'all', label: 'All protocols' }, ...PROTOCOLS.map(value => ({ value, label: PROTOCOL_NAMES[value] }))]
const kinds: readonly Segment<'packets' | 'events'>[] = [{ value: 'packets', label: 'Packets' }, { value: 'events', label: 'Packets and events' }]

export function Packets({ pids }: PacketsProps) {
  const { service, records, missed, protocolFilter, includesEvents, timeFilter, paused, selected, error } = usePackets()
  const [saved, setSaved] = useState('')
  const rowsInView = rowsFor(window.innerHeight)
  const geometry = useMemo(() => ({ rowPx: ROW_PX, rowsInView }), [rowsInView])
  const pid = pids[service]
  useEffect(() => {
    if (pid === undefined) return
    resetForProcess(pid)
    return readTrace(service)
  }, [service, pid])
  const live = useMemo(() => records.filter(record => matchesFilter({ protocolFilter, includesEvents, timeFilter }, record)), [records, protocolFilter, includesEvents, timeFilter])
  const shown = paused ?? live
  /** A past span of time is not followed; it is read from its start. */
  const isFollowing = paused === undefined && timeFilter === undefined
  const startMs = shown[0]?.atMs ?? 0
  const index = selected === undefined ? -1 : shown.indexOf(selected)
  const change = (act: () => void) => {
    setSaved('')
    act()
  }
  const save = async () => {
    const path = await savePcapng(service, shown)
    setSaved(path === undefined ? '' : `Saved as ${path}.`)
  }
  const title = contractOf(service).title
  const newer = newerThan(shown, live)
  return (
    <section className="panel packets" aria-label="Packets">
      <header className="panel-head">
        <div className="panel-title">
          <h1>Packets</h1>
          <p>What a service sent and received, as it was on the wire.</p>
        </div>
        <Button onPress={() => change(clear)}>Clear</Button>
        <Button isDisabled={!shown.some(({ kind }) => kind === 'packet')} onPress={() => { void save() }}>Export pcapng…</Button>
      </header>
      <div className="packets-body">
        {error !== undefined && <div role="alert"><ErrorSentence error={error} /></div>}
        <Filters onChange={change} />
        <div className="packets-list">
          <div className="packets-row packets-heads" aria-hidden="true"><span>Seconds</span><span>Protocol</span><span>Peer</span><span>Bytes</span><span>Summary</span></div>
          {shown.length === 0 ? <p className="packets-empty">{pid === undefined ? `${title} is off. Switch it on to see its packets.` : whyEmpty({ protocolFilter, includesEvents, timeFilter })}</p> : (
            <RowList
              label="Packets, newest last. Use the arrow keys to step through them." geometry={geometry} rows={shown} isFollowing={isFollowing} cursor={index < 0 ? undefined : index}
              keyOf={({ sequence }) => sequence} sentenceOf={record => sentenceOf(record, startMs)} onFollow={follow} onPause={() => pause(shown)}
              onGo={place => pause(shown, shown[place])}
            >
              {record => <Row record={record} startMs={startMs} />}
            </RowList>
          )}
          <div className="packets-foot">
            {/* The count is outside the live region, because it changes with every packet. */}
            <p>
              <span role="status">{timeFilter !== undefined ? SELECT : isFollowing ? `Following the newest. ${SELECT}` : 'Paused'}</span>
              {timeFilter === undefined && !isFollowing && newerText(newer)} {missed > 0 && `${missed} missed: traffic was too fast.`} <span role="status">{saved}</span>
            </p>
            {timeFilter === undefined && <Button isDisabled={shown.length === 0} onPress={() => { if (isFollowing) pause(shown); else follow() }}>{isFollowing ? 'Pause' : 'Follow'}</Button>}
          </div>
        </div>
        {selected !== undefined && <Details record={selected} />}
      </div>
    </section>
  )
}

const SELECT = 'Select one to inspect it.'

function newerText(newer: number): string {
  return newer === 0 ? ', nothing new.' : `, ${newer} new.`
}

/** Says why the list is empty and what to do. HTTP never has packets of its own, and a step may have needed none. */
function whyEmpty({ protocolFilter, includesEvents, timeFilter }: Pick<PacketsState, 'protocolFilter' | 'includesEvents' | 'timeFilter'>): string {
  const isHttp = protocolFilter === 'http'
  if (isHttp && timeFilter !== undefined) return 'TCP packets belong to the operating system; use Wireshark to see them. Switch to RUDP to see the packets here.'
  if (isHttp && !includesEvents) return 'HTTP has no packets of its own: it runs over RUDP, or over TCP, whose packets Wireshark shows. Choose “Packets and events” to see its requests.'
  if (timeFilter !== undefined) return 'No packets at that time: none were needed, or they are no longer kept.'
  return 'No packets yet. Open a page in the browser to see some.'
}

/** The filters of the list. @param onChange runs the change that it is given */
function Filters({ onChange }: { readonly onChange: (act: () => void) => void }) {
  const { service, protocolFilter, includesEvents, timeFilter } = usePackets()
  return (
    <div className="packets-filters">
      <Labelled label="Seen from"><Segmented label="Seen from" segments={services} value={service} onChange={value => onChange(() => selectService(value))} /></Labelled>
      <Select label="Protocol" options={protocolOptions} value={protocolFilter} onChange={value => onChange(() => setFilter({ protocolFilter: value }))} />
      <Labelled label="Show"><Segmented label="Show" segments={kinds} value={includesEvents ? 'events' : 'packets'} onChange={value => onChange(() => setFilter({ includesEvents: value === 'events' }))} /></Labelled>
      {timeFilter !== undefined && <p className="packets-time-filter">Only packets of {timeFilter.what} <Button onPress={() => onChange(() => setFilter({ timeFilter: undefined }))}>Show all</Button></p>}
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
