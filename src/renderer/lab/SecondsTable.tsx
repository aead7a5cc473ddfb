/** The plot as a table, second by second, for screen readers and for exact values. Computed only while it is open. */
import { useState } from 'react'
import { formatBytes } from '../../services/kit/amounts.ts'
import { SortedTable } from '../ui/DataTable.tsx'
import { secondsOf, type Second } from './seconds.ts'
import { roundTripText } from './sentences.ts'
import { useLab } from './store.ts'

const headings: Readonly<Record<string, string>> = { second: 'Second', window: 'Window', ssthresh: 'Threshold', flight: 'In flight', rtt: 'Round trip', lost: 'Lost' }

export function SecondsTable() {
  const [isOpen, setOpen] = useState(false)
  return (
    <details className="lab-seconds" onToggle={event => setOpen(event.currentTarget.open)}>
      <summary>Second by second</summary>
      {isOpen && <Seconds />}
    </details>
  )
}

function Seconds() {
  const { samples, startMs } = useLab(state => state.watching)
  const rows = secondsOf(samples, startMs).map(second => [String(second.number), rowOf(second)] as const)
  return <SortedTable label="Second by second" empty="No data yet." columns={Object.keys(headings)} heading={column => headings[column] ?? column} rows={rows} />
}

function rowOf({ number, leastBytes, mostBytes, ssthreshBytes, flightBytes, srttMs, lost }: Second): Readonly<Record<string, string>> {
  const window = leastBytes === mostBytes ? formatBytes(mostBytes) : `${formatBytes(leastBytes)} to ${formatBytes(mostBytes)}`
  return { second: `${number} s`, window, ssthresh: ssthreshBytes === null ? 'none yet' : formatBytes(ssthreshBytes), flight: formatBytes(flightBytes), rtt: roundTripText(srttMs), lost: String(lost) }
}
