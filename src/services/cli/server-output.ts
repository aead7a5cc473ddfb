/** The output of a server, which neither waits for a slow or stalled reader nor buffers lines without limit. */
import { Writable } from 'node:stream'

/** About ten thousand lines. */
const BUFFERED_BYTES_MAX = 1024 * 1024

/**
 * Takes one line per write and forwards it. While more than 1 MB is waiting for the reader, lines are dropped until it
 * has caught up.
 * @param gap formats the line that replaces the dropped ones
 */
export function serverOutput(reader: Writable, gap: (lines: number) => string): Writable {
  let dropped = 0
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      if (reader.writableLength > BUFFERED_BYTES_MAX || (dropped > 0 && reader.writableLength > 0)) dropped++
      else {
        if (dropped > 0) reader.write(gap(dropped))
        dropped = 0
        reader.write(line)
      }
      done()
    },
  })
}
