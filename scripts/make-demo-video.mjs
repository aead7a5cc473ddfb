#!/usr/bin/env node
/**
 * Draws the demo site's film, "The village at dusk": twelve seconds in which the sun sets, a clock advances from seven to eight, and
 * one window after another lights up. Every frame is an SVG generated here; ffmpeg (with librsvg and libvpx, as built by Debian)
 * encodes them as VP9 in WebM with a key frame each second and the index in front, so that seeking needs one Range request.
 *
 *   node scripts/make-demo-video.mjs        writes assets/site/media/village-at-dusk.webm and its poster, .svg
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SECONDS = 12
const FRAMES_PER_SECOND = 24
const LENGTH_BYTES_MAX = 400_000
const POSTER_AT_SECONDS = 9.5

/** Bands of flat color, from the zenith down. */
const DAY_SKY = ['#8FB8C4', '#B5C9BE', '#E3CFA2', '#F0B878', '#E89A5E']
const DUSK_SKY = ['#35506E', '#5A6486', '#8F7389', '#C98273', '#D9774F']
const NIGHT_SKY = ['#0B1B23', '#10252F', '#14303A', '#193A45', '#1F4650']
/** x, y, and the second at which the star appears. */
const STARS = [
  [180, 118, 5.0], [96, 88, 6.2], [150, 26, 4.6], [206, 64, 5.8], [262, 30, 6.6], [318, 82, 7.2],
  [372, 38, 5.4], [430, 92, 7.8], [478, 24, 6.0], [520, 60, 8.4], [606, 36, 7.0], [600, 120, 8.8],
]
const HOUSES = [
  { x: 44, width: 68, wall: 62, roof: 30, litAt: 6.5 },
  { x: 116, width: 62, wall: 84, roof: 34, litAt: 5.5 },
  { x: 196, width: 70, wall: 64, roof: 34, litAt: 7.0 },
  { x: 276, width: 76, wall: 96, roof: 38, litAt: 4.0 },
  { x: 364, width: 70, wall: 66, roof: 34, litAt: 6.0 },
  { x: 448, width: 70, wall: 86, roof: 36, litAt: 5.0 },
  { x: 532, width: 68, wall: 64, roof: 32, litAt: 7.5 },
]
const CLOCK_TOP = 22
/** The wire sags from roof to roof. */
const RIDGES = HOUSES.map(({ x, width, wall, roof }) => [x + width / 2, 302 - wall - roof])
const WIRE = RIDGES.slice(1).map((to, index) => ({ from: RIDGES[index], sag: [(RIDGES[index][0] + to[0]) / 2, Math.max(RIDGES[index][1], to[1]) + 14], to }))

const media = fileURLToPath(new URL('../assets/site/media/', import.meta.url))
const frames = mkdtempSync(join(tmpdir(), 'hamlet-film-'))
try {
  for (let frame = 0; frame < SECONDS * FRAMES_PER_SECOND; frame++) {
    writeFileSync(join(frames, `${String(frame).padStart(4, '0')}.svg`), drawFrame(frame / FRAMES_PER_SECOND))
  }
  const film = join(media, 'village-at-dusk.webm')
  execFileSync('ffmpeg', [
    '-hide_banner', '-loglevel', 'error', '-y', '-framerate', String(FRAMES_PER_SECOND), '-i', join(frames, '%04d.svg'),
    '-pix_fmt', 'yuv420p', '-c:v', 'libvpx-vp9', '-crf', '30', '-b:v', '0', '-row-mt', '1', '-cpu-used', '1',
    '-g', String(FRAMES_PER_SECOND), '-keyint_min', String(FRAMES_PER_SECOND), '-cues_to_front', '1',
    '-fflags', '+bitexact', '-flags:v', '+bitexact', '-metadata', 'title=The village at dusk', film,
  ], { stdio: 'inherit' })
  writeFileSync(join(media, 'village-at-dusk.svg'), drawFrame(POSTER_AT_SECONDS))
  const lengthBytes = statSync(film).size
  if (lengthBytes > LENGTH_BYTES_MAX) throw new Error(`the film has ${lengthBytes} bytes, but the limit is ${LENGTH_BYTES_MAX}`)
  console.log(`${film}: ${lengthBytes} bytes`)
} finally {
  rmSync(frames, { recursive: true })
}

/** Draws the village `seconds` into the film, 640 × 360. */
function drawFrame(seconds) {
  const dusk = Math.min(1, seconds / 8) // 0: the sun touches the hills, 1: night
  const sky = [0, 1, 2, 3, 4].map(band => `<rect y="${band * 56}" width="640" height="57" fill="${dusk < 0.5 ? mix(DAY_SKY[band], DUSK_SKY[band], dusk * 2) : mix(DUSK_SKY[band], NIGHT_SKY[band], dusk * 2 - 1)}"/>`)
  const stars = STARS.map(([x, y, from], index) => {
    const shine = clamp((seconds - from) / 1.5) * (0.75 + 0.25 * Math.sin(seconds * 3 + index * 1.7))
    return `<circle cx="${x}" cy="${y}" r="${index % 3 === 0 ? 1.8 : 1.2}" fill="#F7F5F0" opacity="${shine.toFixed(3)}"/>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360" viewBox="0 0 640 360">
${sky.join('')}${stars.join('')}
<circle cx="${(150 - seconds * 2).toFixed(2)}" cy="${(150 + dusk * 130).toFixed(2)}" r="34" fill="${mix('#F2B544', '#C4562E', dusk)}"/>
${moon(seconds)}
<path d="M0 224 C 110 182 220 196 330 212 S 540 180 640 204 V 360 H 0 Z" fill="${mix('#5C8A7E', '#16323B', dusk)}"/>
<path d="M0 262 C 130 232 260 242 390 256 S 560 240 640 250 V 360 H 0 Z" fill="${mix('#3F6F63', '#0F2229', dusk)}"/>
${HOUSES.map(house => drawHouse(house, seconds, dusk)).join('')}
${WIRE.map(({ from, sag, to }) => `<path d="M${from} Q ${sag} ${to}" fill="none" stroke="#5CC3C4" stroke-width="2.5"/>`).join('')}${spark(seconds)}
<path d="M0 300 H 640 V 360 H 0 Z" fill="${mix('#2C5449', '#0A171D', dusk)}"/>
${clock(seconds)}
</svg>`
}

/** A message that travels along the wire, there and back, once the first window is lit. */
function spark(seconds) {
  if (seconds < 4) return ''
  const way = WIRE.length * (1 - Math.abs(((seconds - 4) / 2.5) % 2 - 1))
  const { from, sag, to } = WIRE[Math.min(WIRE.length - 1, Math.floor(way))]
  const share = way - Math.min(WIRE.length - 1, Math.floor(way))
  const [x, y] = [0, 1].map(axis => (1 - share) ** 2 * from[axis] + 2 * (1 - share) * share * sag[axis] + share ** 2 * to[axis])
  return `<circle cx="${x.toFixed(2)}" cy="${y.toFixed(2)}" r="4" fill="#F7F5F0"/>`
}

function moon(seconds) {
  const y = 130 - clamp((seconds - 5) / 6) * 62
  return `<g opacity="${clamp((seconds - 5) / 2).toFixed(3)}"><circle cx="560" cy="${y.toFixed(2)}" r="20" fill="#F7F5F0"/></g>`
}

function drawHouse({ x, width, wall, roof, litAt }, seconds, dusk) {
  const foot = 302
  const eaves = foot - wall
  const pane = Math.round(width * 0.28)
  const lit = clamp((seconds - litAt) / 0.25)
  const glass = mix(mix('#9DB7B4', '#24424C', dusk), '#F2B544', lit)
  return `<path d="M${x} ${foot} V ${eaves} L ${x + width / 2} ${eaves - roof} L ${x + width} ${eaves} V ${foot} Z" fill="${mix('#F7F5F0', '#C9CFCB', dusk)}"/>
<rect x="${x + (width - pane) / 2}" y="${eaves + 8}" width="${pane}" height="${pane}" fill="${glass}"/>
<rect x="${x + width * 0.38}" y="${foot - wall * 0.34}" width="${width * 0.24}" height="${wall * 0.34}" fill="${mix('#35636B', '#14303A', dusk)}"/>`
}

/** Seven to eight in the evening, five minutes per second. Seven-segment digits, so that no font is needed. */
function clock(seconds) {
  const minutes = Math.min(60, Math.floor(seconds * 5 + 0.001))
  const text = minutes === 60 ? '20:00' : `19:${String(minutes).padStart(2, '0')}`
  let x = 24
  const glyphs = [...text].map(character => {
    const drawn = character === ':' ? `<circle cx="${x + 2}" cy="${CLOCK_TOP + 9}" r="2.2"/><circle cx="${x + 2}" cy="${CLOCK_TOP + 20}" r="2.2"/>` : digit(Number(character), x)
    x += character === ':' ? 12 : 24
    return drawn
  })
  return `<g fill="#F7F5F0">${glyphs.join('')}</g>`
}

function digit(value, x) {
  const strokes = { a: [2, 0, 12, 3], b: [13, 2, 3, 11], c: [13, 15, 3, 11], d: [2, 25, 12, 3], e: [0, 15, 3, 11], f: [0, 2, 3, 11], g: [2, 12.5, 12, 3] }
  const lit = ['abcdef', 'bc', 'abged', 'abgcd', 'fgbc', 'afgcd', 'afgedc', 'abc', 'abcdefg', 'abcdfg'][value]
  return [...lit].map(name => `<rect x="${x + strokes[name][0]}" y="${CLOCK_TOP + strokes[name][1]}" width="${strokes[name][2]}" height="${strokes[name][3]}"/>`).join('')
}

/** A color between two, both `#RRGGBB`. */
function mix(from, to, share) {
  const channel = at => Math.round(parseInt(from.slice(at, at + 2), 16) * (1 - share) + parseInt(to.slice(at, at + 2), 16) * share).toString(16).padStart(2, '0')
  return `#${channel(1)}${channel(3)}${channel(5)}`
}

function clamp(value) {
  return Math.min(1, Math.max(0, value))
}
