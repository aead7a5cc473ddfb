/** The rows of the packet ladder and their texts. */
import type { PacketRow } from '../../services/rudp/core/lab/commands.ts'

/** A row that is drawn. */
export interface Rung {
  /** Its number in the recording. */
  readonly key: number
  readonly row: PacketRow
}

export interface Ladder {
  readonly rungs: readonly Rung[]
  /** What became of this end's packets, by packet number. */
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

/** The texts of a rung. */
export interface RungText {
  readonly time: string
  readonly label: string
  /** Short remarks after the label. */
  readonly marks: readonly string[]
  /** The packet never arrived, as far as this end knows. */
  readonly isLost: boolean
  /** The whole row in words, for screen readers and the line below the ladder. */
  readonly sentence: string
}

/** @param startMs times are relative to this */
export function textOf(row: PacketRow, { found }: Pick<Ladder, 'found'>, startMs: number): RungText {
  const time = msText(row.atMs - startMs)
  if (!isPacket(row)) {
    const label = findingText(row)
    return { time, label, marks: [], isLost: false, sentence: `At ${time} ms: ${label}.` }
  }
  const fates = row.kind === 'sent' ? found.get(row.number) ?? [] : []
  // A probe or a duplicate is a retransmission too; the more specific mark is shown.
  const why = fates.find(({ kind }) => kind === 'probe' || kind === 'duplicate') ?? fates.find(({ kind }) => kind === 'again')
  const isLate = fates.some(({ kind }) => kind === 'late')
  const lost = fates.find(({ kind }) => kind === 'lost')
  const marks = [...(why === undefined ? [] : [MARKS[why.kind] ?? '']), ...(isLate ? ['spurious loss'] : [])]
  const lostText = lost?.kind === 'lost' ? [`declared lost at ${msText(lost.atMs - startMs)} ms (${lost.found})`] : []
  const what = `${row.type} #${row.number} ${row.kind}, ${row.sizeBytes} bytes: ${row.frames}`
  return {
    time, label: `${row.type} #${row.number}  ${row.frames}`, marks, isLost: lost !== undefined && !isLate,
    sentence: `At ${time} ms: ${[what, ...marks, ...lostText].join('; ')}.`,
  }
}

const MARKS: Readonly<Partial<Record<PacketRow['kind'], string>>> = { again: 'retransmission', probe: 'probe', duplicate: 'early duplicate' }

function findingText(row: PacketRow): string {
  switch (row.kind) {
    case 'lost': return `#${row.number} declared lost (${row.found})`
    case 'late': return `#${row.number} arrived after all: spurious loss`
    case 'restored': return `${row.bytes} restored from parity, with #${row.number}`
    default: return ''
  }
}

type Packet = Extract<PacketRow, { frames: string }>

function isPacket(row: PacketRow): row is Packet {
  return row.kind === 'sent' || row.kind === 'received'
}

/** Marks appear beside their packet, without a row of their own. */
function isMark({ kind }: PacketRow): boolean {
  return MARKS[kind] !== undefined
}

function msText(ms: number): string {
  return ms.toFixed(1)
}
