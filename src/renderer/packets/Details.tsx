/**
 * One packet: a tree of its fields beside a dump of its bytes. A selection in one is
 * highlighted in the other, and explained below the bytes.
 */
import { memo, useEffect, useRef, type KeyboardEvent } from 'react'
import type { Field } from '../../services/kit/dissection.ts'
import { formatEndpoint } from '../../services/kit/endpoint.ts'
import { bytesOfLine, HEX_COLUMNS, pathAbove, pathAt, visibleFields, type VisibleField } from './details.ts'
import { dissectionOf, endpointsOf, meaningsOf } from './rows.ts'
import { selectField, setOpen, usePackets, type TraceRecord } from './store.ts'

export function Details({ record }: { readonly record: TraceRecord }) {
  const { summary, fields } = dissectionOf(record)
  const endpoints = endpointsOf(record)
  const open = usePackets(state => state.open)
  const selected = usePackets(state => state.field)
  const shown = visibleFields(fields, open)
  const field = shown.find(({ path }) => path === selected)?.field
  const chooseByte = (at: number) => {
    const { path, ancestors } = pathAt(fields, at)
    setOpen(ancestors, true)
    selectField(path)
  }
  return (
    <section className="packet-details" aria-label="Selected packet">
      <h2>{summary}</h2>
      {endpoints !== undefined && <p className="packet-endpoints">{formatEndpoint(endpoints.from)} → {formatEndpoint(endpoints.to)}, {record.wholeBytes} bytes</p>}
      <div className="packet-halves">
        <Tree shown={shown} selected={selected} />
        {record.kind === 'packet' && (
          <div className="packet-bytes">
            <Hex bytes={record.bytes} field={field} onByte={chooseByte} />
            <Meanings record={record} field={field} />
          </div>
        )}
      </div>
    </section>
  )
}

function Meanings({ record, field }: { readonly record: TraceRecord; readonly field: Field | undefined }) {
  const meanings = field === undefined ? [] : meaningsOf(record, field)
  return (
    <div className="packet-meanings" role="status" aria-label="Meaning of the field">
      {field === undefined ? <p>Select a field or a byte to see what it means.</p> : meanings.map(({ says, source }) => <p key={says}>{says} <cite>{source}</cite></p>)}
    </div>
  )
}

interface TreeProps {
  readonly shown: readonly VisibleField[]
  readonly selected: string
}

function Tree({ shown, selected }: TreeProps) {
  const place = shown.findIndex(({ path }) => path === selected)
  const tree = useRef<HTMLUListElement>(null)
  useEffect(() => bringIntoView(tree.current, '[aria-selected="true"]'), [place])
  const press = (event: KeyboardEvent) => {
    const current = shown[place]
    const go = (index: number) => selectField(shown[Math.min(shown.length - 1, Math.max(0, index))]?.path ?? '')
    if (event.key === 'ArrowDown') go(place + 1)
    else if (event.key === 'ArrowUp') go(place - 1)
    else if (event.key === 'Home') go(0)
    else if (event.key === 'End') go(shown.length - 1)
    else if (event.key === 'ArrowRight' && current !== undefined) {
      if (current.isOpen) go(place + 1)
      else if (current.field.fields !== undefined) setOpen([current.path], true)
    } else if (event.key === 'ArrowLeft' && current !== undefined) {
      if (current.isOpen) setOpen([current.path], false)
      else if (current.level > 1) selectField(pathAbove(current.path))
    } else return
    event.preventDefault()
  }
  return (
    <ul ref={tree} className="packet-tree" role="tree" tabIndex={0} aria-label="Fields" aria-activedescendant={place < 0 ? undefined : `field-${place}`} onKeyDown={press}>
      {shown.map(({ path, level, field: { name, value, fields }, isOpen }, index) => (
        <li
          key={path} id={`field-${index}`} role="treeitem" aria-level={level} aria-selected={path === selected} aria-expanded={fields === undefined ? undefined : isOpen}
          style={{ paddingInlineStart: `${level * 1.125}rem` }}
          onClick={() => {
            selectField(path)
            if (fields !== undefined) setOpen([path], !isOpen || path !== selected)
          }}
        >
          <i aria-hidden="true">{fields === undefined ? '' : isOpen ? '▾' : '▸'}</i><b>{name}</b> <span>{value}</span>
        </li>
      ))}
    </ul>
  )
}

/** Scrolls only this frame, no farther than needed. scrollIntoView() would scroll its ancestors too. */
function bringIntoView(frame: HTMLElement | null, selector: string): void {
  const item = frame?.querySelector(selector)?.getBoundingClientRect()
  if (frame === null || item === undefined) return
  const { top, bottom } = frame.getBoundingClientRect()
  frame.scrollTop += Math.floor(Math.min(0, item.top - top)) + Math.ceil(Math.max(0, item.bottom - bottom))
}

interface HexProps {
  readonly bytes: Uint8Array
  readonly field: Field | undefined
  readonly onByte: (at: number) => void
}

function Hex({ bytes, field, onByte }: HexProps) {
  const dump = useRef<HTMLDivElement>(null)
  useEffect(() => bringIntoView(dump.current, '[data-marked="true"]'), [field])
  const lines = Array.from({ length: Math.ceil(bytes.length / HEX_COLUMNS) }, (_, index) => index * HEX_COLUMNS)
  const choose = ({ target }: { readonly target: EventTarget }) => {
    const at = target instanceof HTMLElement ? target.dataset['at'] : undefined
    if (at !== undefined) onByte(Number(at))
  }
  return (
    <div
      ref={dump} className="packet-hex" role="img" onClick={choose}
      aria-label={field === undefined || field.from === field.to ? `${bytes.length} bytes` : `Bytes ${field.from} to ${field.to - 1} of ${bytes.length}: ${field.name}`}
    >
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

/** Memoized, so that only lines whose highlight changes are rendered again. */
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
