/** A service's live output. Loaded only when a panel opens: the terminal is the largest part of the window's code. */
import { useEffect, useRef, useState } from 'react'
import { FitAddon } from '@xterm/addon-fit'
import { Terminal, type ITheme } from '@xterm/xterm'
import '@xterm/xterm/css/xterm.css'
import type { Log, LogLine } from './log.ts'

const SCROLLBACK_LINES = 1000

export function LiveConsole({ log, label }: { readonly log: Log; readonly label: string }) {
  const frame = useRef<HTMLDivElement>(null)
  const [isEmpty, setEmpty] = useState(true)
  useEffect(() => {
    if (frame.current === null) return
    const terminal = openTerminal(frame.current, label)
    const end = log.listen({
      appended: line => {
        setEmpty(false)
        terminal.writeln(highlighted(line))
      },
      replaced: lines => {
        setEmpty(lines.length === 0)
        terminal.reset()
        for (const line of lines) terminal.writeln(highlighted(line))
      },
    })
    return () => {
      end()
      terminal.dispose()
    }
  }, [log, label])
  return (
    <div className="console" role="region" aria-label={label}>
      <div className="console-frame" ref={frame} />
      {isEmpty && <p className="console-empty">No output yet.</p>}
    </div>
  )
}

/** Highlights the lines of the original system, which scripts wait for. */
const highlighted = ({ to, text }: LogLine) => (to === 'contract' ? `\u001b[1;36m${text}\u001b[0m` : text)

function openTerminal(frame: HTMLElement, label: string): { writeln(text: string): void; reset(): void; dispose(): void } {
  const terminal = new Terminal({
    disableStdin: true, cursorStyle: 'bar', cursorWidth: 1, cursorInactiveStyle: 'none', fontFamily: token('--mono'), fontSize: 12, lineHeight: 1.3,
    scrollback: SCROLLBACK_LINES, minimumContrastRatio: 4.5, theme: themeNow(), screenReaderMode: true,
  })
  const fit = new FitAddon()
  terminal.loadAddon(fit)
  terminal.open(frame)
  terminal.textarea?.setAttribute('aria-label', label)
  // A screen reader can read the lines. A live region would announce each of them at once, over whatever is being read.
  frame.querySelector('[aria-live]')?.setAttribute('aria-live', 'off')
  // The terminal handles only scrolling keys; Tab, Escape and the window's shortcuts pass through.
  terminal.attachCustomKeyEventHandler(({ key, type }) => {
    if (type === 'keydown' && key === 'PageUp') terminal.scrollPages(-1)
    if (type === 'keydown' && key === 'PageDown') terminal.scrollPages(1)
    return false
  })
  const resized = new ResizeObserver(() => { if (frame.clientWidth > 0 && frame.clientHeight > 0) fit.fit() })
  resized.observe(frame)
  const scheme = window.matchMedia('(prefers-color-scheme: dark)')
  const retheme = () => { terminal.options.theme = themeNow() }
  scheme.addEventListener('change', retheme)
  return {
    writeln: text => terminal.writeln(text),
    reset: () => terminal.reset(),
    dispose: () => {
      resized.disconnect()
      scheme.removeEventListener('change', retheme)
      terminal.dispose()
    },
  }
}

function themeNow(): ITheme {
  const background = token('--surface')
  const accent = token('--accent')
  return {
    background, foreground: token('--ink'), cyan: accent, brightCyan: accent, cursor: background, cursorAccent: background,
    selectionBackground: token('--hairline'),
  }
}

const token = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()
