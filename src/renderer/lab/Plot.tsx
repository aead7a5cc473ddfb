/**
 * The plots of one connection over time: window, threshold and bytes in flight above, the round trip below, losses as crosses.
 * Lines differ in stroke as well as color. A cursor, moved by mouse or arrow keys, shows the values at its time.
 */
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent, type RefObject } from 'react'
import { formatBytes, formatMs } from '../../services/kit/amounts.ts'
import type { Sample } from '../../services/rudp/core/lab/commands.ts'
import { axisMaximum, axisTicks, lossMarks, sampleAt, samplesIn, scaleOf, stepArea, stepped, stepPath, timeRange, timeTicks, type Scale, type TimeRange } from './plot.ts'
import { sentenceOf } from './sentences.ts'

const LEFT_PX = 58
const RIGHT_PX = 20
const TOP_PX = 18
const BOTTOM_PX = 20
const WINDOW_HEIGHT_PX = 210
const RTT_HEIGHT_PX = 84
/** Limits the axis: a threshold far above the window would flatten the window's line. */
const THRESHOLD_SHOWN_MAX = 1.5

export interface PlotProps {
  readonly samples: readonly Sample[]
  /** Times are relative to this. */
  readonly startMs: number
  readonly spanMs: number
}

export function Plot({ samples, startMs, spanMs }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null)
  const widthPx = Math.max(120, useWidth(frame) - LEFT_PX - RIGHT_PX)
  const [cursorMs, setCursorMs] = useState<number>()
  const range = timeRange(samples, startMs, spanMs)
  const shown = samplesIn(samples, range)
  const highest = shown.reduce((most, { windowBytes, flightBytes }) => Math.max(most, windowBytes, flightBytes), 0)
  const threshold = shown.reduce((most, { ssthreshBytes }) => Math.max(most, ssthreshBytes ?? 0), 0)
  const slowest = shown.reduce((most, { srttMs }) => Math.max(most, srttMs), 0)
  const at = cursorMs === undefined ? undefined : sampleAt(shown, cursorMs)

  const point = (event: PointerEvent) => setCursorMs(range.fromMs + (event.nativeEvent.offsetX - LEFT_PX) / widthPx * (range.toMs - range.fromMs))
  const press = (event: KeyboardEvent) => {
    const steps: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }
    const step = steps[event.key]
    if (event.key === 'Home' || event.key === 'End') setCursorMs(event.key === 'Home' ? shown[0]?.atMs : shown[shown.length - 1]?.atMs)
    else if (step !== undefined) setCursorMs(stepped(shown, cursorMs, step))
    else return
    event.preventDefault()
  }
  const axes = { range, startMs, widthPx, cursorMs: at?.atMs }
  return (
    <div className="plot" ref={frame}>
      <div
        className="plot-charts" tabIndex={0} role="group" aria-label="Plot over time. Use the arrow keys to move along it." aria-describedby="plot-readout"
        onKeyDown={press} onPointerMove={point} onPointerLeave={() => setCursorMs(undefined)}
      >
        <Chart {...axes} title="Window and threshold" heightPx={WINDOW_HEIGHT_PX} maximum={axisMaximum(Math.max(highest, Math.min(threshold, THRESHOLD_SHOWN_MAX * highest)))} format={formatBytes}>
          {scale => <Windows samples={shown} scale={scale} />}
        </Chart>
        <Chart {...axes} title="Round trip" heightPx={RTT_HEIGHT_PX} maximum={axisMaximum(slowest)} format={formatMs}>
          {scale => <path className="plot-rtt" d={stepPath(shown, ({ srttMs }) => srttMs === 0 ? null : srttMs, scale)} />}
        </Chart>
      </div>
      <p id="plot-readout" className="plot-readout" aria-live={cursorMs === undefined ? 'off' : 'polite'}>
        {at === undefined ? 'Point at the plot, or use the arrow keys, to read its values.' : sentenceOf(at, startMs)}
      </p>
    </div>
  )
}

interface ChartProps {
  readonly title: string
  readonly range: TimeRange
  readonly startMs: number
  readonly widthPx: number
  readonly heightPx: number
  readonly maximum: number
  readonly cursorMs: number | undefined
  readonly format: (value: number) => string
  readonly children: (scale: Scale) => React.ReactNode
}

/** A chart's title and axes; `children` draws the lines. */
function Chart({ title, range, startMs, widthPx, heightPx, maximum, cursorMs, format, children }: ChartProps) {
  const scale = scaleOf(range, maximum, widthPx, heightPx)
  const [wholeWidthPx, wholeHeightPx] = [LEFT_PX + widthPx + RIGHT_PX, TOP_PX + heightPx + BOTTOM_PX]
  return (
    <svg className="plot-chart" width={wholeWidthPx} height={wholeHeightPx} viewBox={`0 0 ${wholeWidthPx} ${wholeHeightPx}`} aria-hidden="true">
      <g transform={`translate(${LEFT_PX} ${TOP_PX})`}>
        <text className="plot-title" x={0} y={-6}>{title}</text>
        {axisTicks(maximum).map(value => (
          <g key={value} transform={`translate(0 ${scale.y(value)})`}>
            <line className="plot-grid" x2={widthPx} />
            <text className="plot-tick" x={-8} dy="0.35em" textAnchor="end">{value === 0 ? '0' : format(value)}</text>
          </g>
        ))}
        {timeTicks(range, startMs).map(({ atMs, text }) => <text key={text} className="plot-tick" x={scale.x(atMs)} y={heightPx + 15} textAnchor="middle">{text}</text>)}
        {children(scale)}
        {cursorMs !== undefined && <line className="plot-cursor" x1={scale.x(cursorMs)} x2={scale.x(cursorMs)} y2={heightPx} />}
      </g>
    </svg>
  )
}

function Windows({ samples, scale }: { readonly samples: readonly Sample[]; readonly scale: Scale }) {
  return <>
    <path className="plot-flight" d={stepArea(samples, ({ flightBytes }) => flightBytes, scale)} />
    <path className="plot-ssthresh" d={stepPath(samples, ({ ssthreshBytes }) => ssthreshBytes, scale)} />
    <path className="plot-cwnd" d={stepPath(samples, ({ windowBytes }) => windowBytes, scale)} data-testid="plot-cwnd" />
    {lossMarks(samples, scale).map(({ x, lost }) => <path key={x} className="plot-loss" d="M-3.5 -3.5L3.5 3.5M-3.5 3.5L3.5 -3.5" transform={`translate(${x} 6)`}><title>{lost} lost</title></path>)}
    {samples.filter(({ control }) => control !== '').map(({ atMs, control }) => (
      <g key={atMs} transform={`translate(${scale.x(atMs)} 0)`}>
        <line className="plot-note-line" y2={scale.y(0)} />
        <text className="plot-note" x={4} y={24}>{control}</text>
      </g>
    ))}
  </>
}

function useWidth(frame: RefObject<HTMLElement | null>): number {
  const [widthPx, setWidthPx] = useState(600)
  useEffect(() => {
    if (frame.current === null) return
    const resized = new ResizeObserver(([entry]) => { if (entry !== undefined) setWidthPx(Math.floor(entry.contentRect.width)) })
    resized.observe(frame.current)
    return () => resized.disconnect()
  }, [frame])
  return widthPx
}
