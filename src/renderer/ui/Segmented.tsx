/**
 * A segmented control: a few choices side by side, one of them selected. Tab focuses the selected one, arrow keys move the focus,
 * Space or Enter selects: moving must not select, because a choice may restart servers.
 */
import type { ReactNode } from 'react'
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components'

export interface Segment<Value extends string> {
  readonly value: Value
  readonly label: string
  /** A decorative mark before the label. */
  readonly mark?: ReactNode
}

export interface SegmentedProps<Value extends string> {
  readonly label: string
  readonly segments: readonly Segment<Value>[]
  /** Undefined: not known yet. */
  readonly value: Value | undefined
  readonly isDisabled?: boolean
  /** A choice is being carried out: no other is accepted, but the control keeps the keyboard focus. */
  readonly isPending?: boolean
  readonly onChange: (value: Value) => void
}

export function Segmented<Value extends string>({ label, segments, value, isDisabled = false, isPending = false, onChange }: SegmentedProps<Value>) {
  return (
    <ToggleButtonGroup
      className={isPending ? 'segmented segmented-pending' : 'segmented'} aria-label={label} selectionMode="single" disallowEmptySelection isDisabled={isDisabled} selectedKeys={value === undefined ? [] : [value]}
      onSelectionChange={keys => {
        const chosen = segments.find(segment => keys.has(segment.value))
        if (chosen !== undefined && chosen.value !== value && !isPending) onChange(chosen.value)
      }}
    >
      {segments.map(segment => (
        <ToggleButton key={segment.value} id={segment.value} className="segment" excludeFromTabOrder={value !== undefined && value !== segment.value}>
          {segment.mark !== undefined && <span aria-hidden="true">{segment.mark}</span>}
          {segment.label}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  )
}
