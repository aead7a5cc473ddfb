/** One packet: its fields as a tree, and its bytes beside it. What is chosen in the one is marked in the other. */
import { memo, useState, type KeyboardEvent } from 'react'
import type { Field } from '../../services/kit/dissection.ts'
import { bytesOfLine, HEX_COLUMNS, pathAt, visibleFields, type VisibleField } from './details.ts'
import { dissectionOf } from './rows.ts'
import type { TraceRecord } from './store.ts'

export function Details({ record }: { readonly record: TraceRecord }) {
  const { summary, fields } = dissectionOf(record)
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set())
  const [chosen, setChosen] = useState('')
  const shown = visibleFields(fields, open)
  const field = shown.find(({ path }) => path === chosen)?.field
  const toggle = (path: string, isOpen: boolean) => setOpen(before => new Set(isOpen ? [...before, path] : [...before].filter(one => one !== path)))
  const chooseByte = (at: number) => {
    const { path, ancestors } = pathAt(fields, at)
    setOpen(before => new Set([...before, ...ancestors]))
    setChosen(path)
  }
  return (
    <section className="packet-details" aria-label="The chosen packet">
      <h2>{summary}</h2>
      <div className="packet-halves">
        <Tree shown={shown} chosen={chosen} onChoose={setChosen} onToggle={toggle} />
        {record.kind === 'packet' && <Hex bytes={record.bytes} field={field} onByte={chooseByte} />}
      </div>
    </section>
  )
}

interface TreeProps {
  readonly shown: readonly VisibleField[]
  readonly chosen: string
  readonly onChoose: (path: string) => void
  readonly onToggle: (path: string, isOpen: boolean) => void
}

function Tree({ shown, chosen, onChoose, onToggle }: TreeProps) {
  const place = shown.findIndex(({ path }) => path === chosen)
  const press = (event: KeyboardEvent) => {
    const current = shown[place]
    const go = (index: number) => onChoose(shown[Math.min(shown.length - 1, Math.max(0, index))]?.path ?? '')
    if (event.key === 'ArrowDown') go(place + 1)
    else if (event.key === 'ArrowUp') go(place - 1)
    else if (event.key === 'Home') go(0)
    else if (event.key === 'End') go(shown.length - 1)
    else if (event.key === 'ArrowRight' && current !== undefined) {
      if (current.isOpen) go(place + 1)
      else if (current.field.fields !== undefined) onToggle(current.path, true)
    } else if (event.key === 'ArrowLeft' && current !== undefined) {
      if (current.isOpen) onToggle(current.path, false)
      else if (current.path.includes('.')) onChoose(current.path.slice(0, current.path.lastIndexOf('.')))
    } else return
    event.preventDefault()
  }
  return (
    <ul className="packet-tree" role="tree" tabIndex={0} aria-label="Fields" aria-activedescendant={place < 0 ? undefined : `field-${chosen}`} onKeyDown={press}>
      {shown.map(({ path, level, field: { name, value, fields }, isOpen }) => (
        <li
          key={path} id={`field-${path}`} role="treeitem" aria-level={level} aria-selected={path === chosen} aria-expanded={fields === undefined ? undefined : isOpen}
          style={{ paddingInlineStart: `${level * 1.125}rem` }}
          onClick={() => {
            onChoose(path)
            if (fields !== undefined) onToggle(path, !isOpen || path !== chosen)
          }}
        >
          <i aria-hidden="true">{fields === undefined ? '' : isOpen ? '▾' : '▸'}</i><b>{name}</b> <span>{value}</span>
        </li>
      ))}
    </ul>
  )
}

interface HexProps {
  readonly bytes: Uint8Array
  readonly field: Field | undefined
  readonly onByte: (at: number) => void
}

function Hex({ bytes, field, onByte }: HexProps) {
  const lines = Array.from({ length: Math.ceil(bytes.length / HEX_COLUMNS) }, (_, index) => index * HEX_COLUMNS)
  const choose = ({ target }: { readonly target: EventTarget }) => {
    const at = target instanceof HTMLElement ? target.dataset['at'] : undefined
    if (at !== undefined) onByte(Number(at))
  }
  return (
    <div className="packet-hex" role="img" aria-label={field === undefined || field.from === field.to ? `${bytes.length} bytes` : `Bytes ${field.from} to ${field.to - 1} of ${bytes.length}: ${field.name}`} onClick={choose}>
      {lines.map(from => (
        <HexLine
          key={from} bytes={bytes} from={from}
          markedFrom={Math.min(HEX_COLUMNS, Math.max(0, (field?.from ?? 0) - from))} markedTo={Math.min(HEX_COLUMNS, Math.max(0, (field?.to ?? 0) - from))}
        />
      ))}
    </div>
  )
}

interface HexLineProps {
  readonly bytes: Uint8Array
  readonly from: number
  readonly markedFrom: number
  readonly markedTo: number
}

/** Only lines whose marks change are drawn anew. */
const HexLine = memo(({ bytes, from, markedFrom, markedTo }: HexLineProps) => {
  const cells = bytesOfLine(bytes, from)
  const isMarked = (index: number) => index >= markedFrom && index < markedTo
  return (
    <p>
      <span className="hex-offset">{from.toString(16).padStart(4, '0')}</span>
      <span className="hex-cells">{cells.map(({ at, hex }, index) => <span key={at} data-at={at} data-marked={isMarked(index)}>{hex}</span>)}</span>
      <span className="hex-text">{cells.map(({ at, text }, index) => <span key={at} data-at={at} data-marked={isMarked(index)}>{text}</span>)}</span>
    </p>
  )
})
HexLine.displayName = 'HexLine'
