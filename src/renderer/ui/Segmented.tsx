/** Two or three choices side by side, one of them chosen. Tab comes to that one, arrow keys move, Space or Enter chooses: a choice may restart servers. */
import type { ReactNode } from 'react'
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components'

export interface Segment<Value extends string> {
  readonly value: Value
  readonly label: string
  /** A mark before the label; the label alone says everything. */
  readonly mark?: ReactNode
}

export interface SegmentedProps<Value extends string> {
  readonly label: string
  readonly segments: readonly Segment<Value>[]
  /** Undefined: it is not known yet. */
  readonly value: Value | undefined
  readonly isDisabled?: boolean
  /** A choice is under way: none is taken meanwhile, and the keyboard's focus stays. */
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
