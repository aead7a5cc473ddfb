/** What set-up tells the person: plain lines on stderr, and a line that moves while something long goes on. */

const LINE_EVERY_MS = 10_000 // where lines cannot be rewritten (a log), a sign of life this often

export function say(line) {
  process.stderr.write(`${line}\n`)
}

/**
 * Shows that `what` is going on until `end()`; `update('43 of 102 MB')` says how far. On a terminal one line is rewritten;
 * in a log a line is added now and then.
 */
export function ticking(what) {
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

/** A fault that the person can do something about: printed as one line, without a stack. */
export class SetupError extends Error {}

/** Prints what went wrong and ends the process with status 1. */
export function fail(error) {
  say(`hamlet: ${error instanceof SetupError ? error.message : error?.stack ?? error}`)
  process.exit(1)
}
