/** Output of the setup: plain lines on stderr, and a progress line during long steps. */

const LINE_EVERY_MS = 10_000 // in a log, where lines cannot be rewritten, a progress line this often

export function say(line) {
  process.stderr.write(`${line}\n`)
}

/**
 * Shows that `what` is in progress until `end()`; `update('43 of 102 MB')` adds details. On a terminal one line is rewritten; in a log
 * a line is added now and then.
 */
export function progressLine(what) {
  const startedAtMs = Date.now()
  let detail = ''
  const text = () => `${what}${detail === '' ? '' : `: ${detail}`} (${Math.round((Date.now() - startedAtMs) / 1000)} s)`
  const rewrites = process.stderr.isTTY === true
  if (!rewrites) say(`${what} …`)
  const timer = setInterval(() => rewrites ? process.stderr.write(`\r\x1b[K${text()}`) : say(`  ${text()}`), rewrites ? 250 : LINE_EVERY_MS)
  return {
    update(text) { detail = text },
    end() {
      clearInterval(timer)
      if (rewrites) process.stderr.write('\r\x1b[K')
    },
  }
}

export const megabytes = bytes => `${Math.round(bytes / 1e6)} MB`

/** A fault that the user can do something about: printed as one line, without a stack. */
export class SetupError extends Error {}

/** Prints the error and exits with status 1. */
export function fail(error) {
  say(`hamlet: ${error instanceof SetupError ? error.message : error?.stack ?? error}`)
  process.exit(1)
}
