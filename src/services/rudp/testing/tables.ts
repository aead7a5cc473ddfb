/** Prints the tables of the code in the form in which docs/rudp.md shows them. */
import { FRAME_TYPES } from '../wire/frames.ts'

/** Formats a table of states as a mermaid diagram. */
export function formatStates(states: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  const name = (state: string) => state.replace(/-/g, '_')
  const lines = Object.entries(states).flatMap(([from, on]) => Object.entries(on).map(([input, to]) => `    ${name(from)} --> ${name(to)}: ${input}`))
  return ['```mermaid', 'stateDiagram-v2', ...lines, '```'].join('\n')
}

/** Formats FRAME_TYPES as a Markdown table. */
export function formatFrames(): string {
  const rows = Object.entries(FRAME_TYPES).map(([name, { code, ackEliciting, fields, meaning }]) => `| ${name} | ${code.toString(16).padStart(2, '0')} | ${fields} | ${ackEliciting ? 'yes' : 'no'} | ${meaning} |`)
  return ['| frame | type | fields | asks | meaning |', '|---|---|---|---|---|', ...rows].join('\n')
}
