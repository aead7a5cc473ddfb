/** The village at dusk, drawn in SVG: flat shapes, colors from the style sheet, windows that a script can light. */
import { html, type Html } from './html.ts'

/** A house on the one street; lengths in the drawing's units. */
interface House {
  readonly x: number
  readonly width: number
  readonly wall: number
  readonly roof: number
}

const STREET = 348
const HOUSES: readonly House[] = [
  { x: 424, width: 76, wall: 66, roof: 34 },
  { x: 506, width: 68, wall: 92, roof: 38 },
  { x: 594, width: 78, wall: 70, roof: 38 },
  { x: 684, width: 84, wall: 108, roof: 44 },
  { x: 782, width: 78, wall: 72, roof: 38 },
  { x: 874, width: 74, wall: 94, roof: 40 },
  { x: 958, width: 72, wall: 68, roof: 34 },
]
/** This window is lit from the start: it stands for the server that sent the page. */
const SERVERS_HOUSE = 3

export const WINDOWS = HOUSES.length

const STARS = [[470, 52], [548, 118], [604, 30], [676, 84], [742, 36], [812, 112], [868, 44], [1012, 138], [396, 104], [930, 28], [330, 40], [250, 22], [1010, 40]] as const

export function villageScene(): Html {
  return html`<svg class="scene" viewBox="0 0 1040 400" preserveAspectRatio="xMaxYMax slice" aria-hidden="true" focusable="false">
<g class="star">${STARS.map(([x, y], index) => html`<circle cx="${x}" cy="${y}" r="${index % 3 === 0 ? 2 : 1.4}"/>`)}</g>
<circle class="moon" cx="944" cy="96" r="26"/>
<path class="hill far" d="M0 270 C 180 214 330 232 520 250 S 860 216 1040 240 V 400 H 0 Z"/>
<path class="hill near" d="M0 312 C 200 276 420 290 620 304 S 920 284 1040 296 V 400 H 0 Z"/>
${HOUSES.map(drawHouse)}<path class="wire" d="${wirePath()}"/>
<path class="street" d="M0 ${STREET} H 1040 V 400 H 0 Z"/>
</svg>`
}

function drawHouse({ x, width, wall, roof }: House, index: number): Html {
  const eaves = STREET - wall
  const pane = Math.round(width * 0.28)
  const door = Math.round(width * 0.24)
  return html`<path class="walls" d="M${x} ${STREET} V ${eaves} L ${x + width / 2} ${eaves - roof} L ${x + width} ${eaves} V ${STREET} Z"/>
<rect class="door" x="${x + (width - door) / 2}" y="${STREET - Math.round(wall * 0.34)}" width="${door}" height="${Math.round(wall * 0.34)}"/>
<rect class="window${index === SERVERS_HOUSE ? ' lit' : ''}" x="${x + (width - pane) / 2}" y="${eaves + 8}" width="${pane}" height="${pane}"/>
`
}

/** A wire from ridge to ridge, sagging in between. */
function wirePath(): string {
  const ridges = HOUSES.map(({ x, width, wall, roof }) => ({ x: x + width / 2, y: STREET - wall - roof }))
  return ridges.reduce((path, to, index) => {
    const from = ridges[index - 1]
    return from === undefined ? `M${to.x} ${to.y}` : `${path} Q ${(from.x + to.x) / 2} ${Math.max(from.y, to.y) + 14} ${to.x} ${to.y}`
  }, '')
}
