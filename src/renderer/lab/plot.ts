/** The geometry of the lab's plots: the time range, the axes, and the lines as SVG paths. */
import type { Sample } from '../../services/rudp/core/lab/commands.ts'

/** In ms on the service's clock. */
export interface TimeRange {
  readonly fromMs: number
  readonly toMs: number
}

/** The range to show: it fills from the left; once full, the newest sample stays at the right edge. */
export function timeRange(samples: readonly Sample[], startMs: number, spanMs: number): TimeRange {
  const toMs = Math.max(startMs + spanMs, samples[samples.length - 1]?.atMs ?? startMs)
  return { fromMs: toMs - spanMs, toMs }
}

/** The samples in a range, and the one before it, whose values still apply at its start. */
export function samplesIn(samples: readonly Sample[], { fromMs, toMs }: TimeRange): readonly Sample[] {
  const after = samples.findIndex(({ atMs }) => atMs >= fromMs)
  if (after < 0) return samples.slice(-1)
  return samples.slice(Math.max(0, after - 1)).filter(({ atMs }) => atMs <= toMs)
}

/** The sample that applies at a time: the last one up to then. */
export function sampleAt(samples: readonly Sample[], atMs: number): Sample | undefined {
  let found: Sample | undefined
  for (const sample of samples) {
    if (sample.atMs > atMs) break
    found = sample
  }
  return found ?? samples[0]
}

/**
 * The cursor's time after so many steps forward or back, from the end if it had
 * none. Several samples may have the same time.
 */
export function stepped(samples: readonly Sample[], fromMs: number | undefined, step: number): number | undefined {
  const last = samples.length - 1
  const after = samples.findIndex(({ atMs }) => fromMs !== undefined && (step < 0 ? atMs >= fromMs : atMs > fromMs))
  const from = after < 0 ? last : step < 0 ? after : after - 1
  return samples[Math.min(last, Math.max(0, from + step))]?.atMs
}

/** The axis ends at 1, 2 or 5 times a power of ten, at or above the value. */
export function axisMaximum(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map(step => step * power).find(end => end >= value * 0.999) ?? 10 * power
}

/** The axis ticks, which divide it into four or five equal parts. */
export function axisTicks(maximum: number): readonly number[] {
  const parts = /^5/.test(maximum.toExponential()) ? 5 : 4
  return Array.from({ length: parts + 1 }, (_, part) => maximum * part / parts)
}

/** The ticks of the time axis: round numbers of seconds since the recording began. */
export function timeTicks({ fromMs, toMs }: TimeRange, startMs: number): readonly { readonly atMs: number; readonly text: string }[] {
  const stepMs = (toMs - fromMs) / 5
  const first = Math.ceil((fromMs - startMs) / stepMs)
  const last = Math.floor((toMs - startMs) / stepMs)
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * stepMs).map(ms => ({ atMs: startMs + ms, text: `${ms / 1000} s` }))
}

/** Maps times and values to pixels. */
export interface Scale {
  x(atMs: number): number
  y(value: number): number
}

export function scaleOf({ fromMs, toMs }: TimeRange, maximum: number, widthPx: number, heightPx: number): Scale {
  return {
    x: atMs => Math.max(0, (atMs - fromMs) / (toMs - fromMs) * widthPx),
    y: value => heightPx - Math.min(1.02, value / maximum) * heightPx, // values beyond the axis are clipped just above the top
  }
}

/** A step line: each value applies until the next one, and null makes a gap. */
export function stepPath(samples: readonly Sample[], of: (sample: Sample) => number | null, { x, y }: Scale): string {
  let path = ''
  let isDrawing = false
  let drawnX = -Infinity
  let drawn = 0
  for (const sample of samples) {
    const value = of(sample)
    const atX = x(sample.atMs)
    if (value === null) {
      if (isDrawing) path += `H${round(atX)}`
      isDrawing = false
      continue
    }
    // Growth within half a pixel cannot be seen; a fall is always drawn.
    if (isDrawing && atX - drawnX < 0.5 && value >= drawn) continue
    path += isDrawing ? `H${round(atX)}V${round(y(value))}` : `M${round(atX)} ${round(y(value))}`
    isDrawing = true
    drawnX = atX
    drawn = value
  }
  return path
}

/** The step line, filled down to the axis. */
export function stepArea(samples: readonly Sample[], of: (sample: Sample) => number | null, scale: Scale): string {
  const [first] = samples
  const last = samples[samples.length - 1]
  if (first === undefined || last === undefined) return ''
  const line = stepPath(samples, of, scale)
  return line === '' ? '' : `${line}H${round(scale.x(last.atMs))}V${round(scale.y(0))}H${round(scale.x(first.atMs))}Z`
}

/** Losses closer than this share one mark. */
const MARK_GAP_PX = 9

export interface LossMark {
  readonly x: number
  readonly lost: number
}

export function lossMarks(samples: readonly Sample[], { x }: Scale): readonly LossMark[] {
  const marks: { x: number; lost: number }[] = []
  for (const { atMs, lost } of samples) {
    if (lost === 0) continue
    const last = marks[marks.length - 1]
    if (last !== undefined && x(atMs) - last.x < MARK_GAP_PX) last.lost += lost
    else marks.push({ x: x(atMs), lost })
  }
  return marks
}

function round(px: number): number {
  return Math.round(px * 10) / 10
}
