/** The ladder of packets: which rows it has, and what each one says. */
import type { PacketRow } from '../../services/rudp/core/lab/commands.ts'

/** A row that is drawn. */
export interface Rung {
  /** Its number in the recording. */
  readonly key: number
  readonly row: PacketRow
}

export interface Ladder {
  readonly rungs: readonly Rung[]
  /** What was found out about packets of this end, by their number. */
  readonly found: ReadonlyMap<number, readonly PacketRow[]>
}

/** @param next the number of the row that would follow: numbers have no gaps */
export function ladderOf(rows: readonly PacketRow[], next: number): Ladder {
  const rungs: Rung[] = []
  const found = new Map<number, PacketRow[]>()
  rows.forEach((row, index) => {
    if (!isMark(row)) rungs.push({ key: next - rows.length + index, row })
    if (isPacket(row) || row.kind === 'restored') return
    const known = found.get(row.number)
    if (known === undefined) found.set(row.number, [row])
    else known.push(row)
  })
  return { rungs, found }
}

/** What a rung shows. */
export interface RungText {
  readonly time: string
  readonly label: string
  /** Words behind the label. */
  readonly marks: readonly string[]
  /** The packet never arrived, as far as this end knows. */
  readonly isLost: boolean
  /** All of it, for who reads rather than looks. */
  readonly sentence: string
}

/** @param startMs times are told from there */
export function textOf(row: PacketRow, { found }: Pick<Ladder, 'found'>, startMs: number): RungText {
  const time = msText(row.atMs - startMs)
  if (!isPacket(row)) {
    const label = findingText(row)
    return { time, label, marks: [], isLost: false, sentence: `At ${time} ms: ${label}.` }
  }
  const fates = row.kind === 'sent' ? found.get(row.number) ?? [] : []
  // A probe carries bytes that left before, too.
  const why = fates.find(({ kind }) => kind === 'probe' || kind === 'duplicate') ?? fates.find(({ kind }) => kind === 'again')
  const isLate = fates.some(({ kind }) => kind === 'late')
  const lost = fates.find(({ kind }) => kind === 'lost')
  const marks = [...(why === undefined ? [] : [MARKS[why.kind] ?? '']), ...(isLate ? ['given up too soon'] : [])]
  const lostText = lost?.kind === 'lost' ? [`given up at ${msText(lost.atMs - startMs)} ms, found ${lost.found}`] : []
  const what = `${row.type} #${row.number} ${row.kind}, ${row.sizeBytes} bytes: ${row.frames}`
  return {
    time, label: `${row.type} #${row.number}  ${row.frames}`, marks, isLost: lost !== undefined && !isLate,
    sentence: `At ${time} ms: ${[what, ...marks, ...lostText].join('; ')}.`,
  }
}

const MARKS: Readonly<Partial<Record<PacketRow['kind'], string>>> = { again: 'sent again', probe: 'probe', duplicate: 'early duplicate' }

function findingText(row: PacketRow): string {
  switch (row.kind) {
    case 'lost': return `#${row.number} given up, found ${row.found}`
    case 'late': return `#${row.number} arrived after all, given up too soon`
    case 'restored': return `${row.bytes} restored by the parity, with #${row.number}`
    default: return ''
  }
}

type Packet = Extract<PacketRow, { frames: string }>

function isPacket(row: PacketRow): row is Packet {
  return row.kind === 'sent' || row.kind === 'received'
}

/** These stand beside their packet. */
function isMark({ kind }: PacketRow): boolean {
  return MARKS[kind] !== undefined
}

function msText(ms: number): string {
  return ms.toFixed(1)
}
