/** Prints the tables that the code runs as docs/rudp.md shows them. */
import { FRAME_TYPES } from '../wire/frames.ts'

/** A table of states as a mermaid diagram; every state ends by `over` where it is left out. */
export function formatStates(states: Readonly<Record<string, Readonly<Record<string, string>>>>): string {
  const name = (state: string) => state.replace(/-/g, '_')
  const lines = Object.entries(states).flatMap(([from, on]) => Object.entries(on).map(([input, to]) => `    ${name(from)} --> ${name(to)}: ${input}`))
  return ['```mermaid', 'stateDiagram-v2', ...lines, '```'].join('\n')
}

/** The frames as a table of markdown. */
export function formatFrames(): string {
  const rows = Object.entries(FRAME_TYPES).map(([name, { code, asks, fields, meaning }]) => `| ${name} | ${code.toString(16).padStart(2, '0')} | ${fields} | ${asks ? 'yes' : 'no'} | ${meaning} |`)
  return ['| frame | type | fields | asks | meaning |', '|---|---|---|---|---|', ...rows].join('\n')
}
