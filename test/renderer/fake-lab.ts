/** The fake's replies to the lab: one connection, with the packets of docs/rudp.md §15 as its server sees them. */
import type { PacketRow, Sample } from '../../src/services/rudp/core/lab/commands.ts'

const connection = '0000000000001'
const peer = '127.0.0.1:50412'

const packet = (kind: 'sent' | 'received', atMs: number, type: string, number: number, sizeBytes: number, frames: string): PacketRow => ({ kind, atMs, type, number, sizeBytes, frames })
const rows: readonly PacketRow[] = [
  packet('received', 60, 'HELLO', 2, 1200, 'TOKEN, PARAMETERS'),
  packet('received', 60, 'HELLO', 3, 190, 'TOKEN, PARAMETERS, STREAM 0 at 0+100 FIN'),
  packet('sent', 60, 'WELCOME', 0, 78, 'ACK 2-3, PARAMETERS, NEW_TOKEN'),
  ...[1, 2, 3, 4].map(number => packet('sent', 60, 'SHORT', number, 1200, `STREAM 0 at ${1173 * (number - 1)}+1173`)),
  packet('sent', 60, 'SHORT', 5, 335, 'STREAM 0 at 4692+308 FIN'),
  packet('sent', 60, 'SHORT', 6, 1200, 'PARITY 0 of 5000 by 1173'),
  packet('received', 100, 'SHORT', 6, 28, 'ACK 4-6 0-2'),
  { kind: 'lost', atMs: 100, number: 3, found: 'packet threshold' },
  packet('sent', 100, 'SHORT', 9, 1200, 'STREAM 0 at 2346+1173'),
  { kind: 'again', atMs: 100, number: 9 },
  { kind: 'duplicate', atMs: 112, number: 11 },
  packet('sent', 112, 'SHORT', 11, 1200, 'STREAM 0 at 2346+1173'),
  packet('received', 140, 'SHORT', 7, 28, 'ACK 4-10 0-2'),
]
const sample = (atMs: number, windowBytes: number, lost: number): Sample =>
  ({ atMs, windowBytes, ssthreshBytes: lost > 0 ? windowBytes : null, flightBytes: 6000, srttMs: 40, phase: lost > 0 ? 'fast recovery' : 'slow start', lost, control: '' })
const samples: readonly Sample[] = [sample(60, 12_000, 0), sample(100, 6000, 1), sample(140, 7200, 0)]

/** @returns the reply to a command of the lab; undefined for any other command */
export function labReply(name: string, ask: unknown): unknown {
  const after = ask !== null && typeof ask === 'object' && 'after' in ask ? Number(ask.after) : 0
  switch (name) {
    case 'connections': return { rows: [], over: [] }
    case 'link': return { link: 'delay=20ms loss=5% overhead=28 mtu=1500' }
    case 'congestion': return { congestion: 'reno' }
    case 'watch': return { connection, peer, startMs: 60, lost: 1, samples: samples.slice(after), next: samples.length }
    case 'packets': return { connection, rows: rows.slice(after), next: rows.length }
    default: return undefined
  }
}
