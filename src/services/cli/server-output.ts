/** What a server says, for a reader who may be slow or have stopped reading: it neither waits for him nor gathers lines for him without end. */
import { Writable } from 'node:stream'

/** Some ten thousand lines. */
const WAITING_BYTES_MAX = 1024 * 1024

/**
 * Takes a line a write, and hands it on. Beyond 1 MB that waits for the reader lines are left out, until he has caught up.
 * @param gap the line that stands for so many
 */
export function serverOutput(reader: Writable, gap: (lines: number) => string): Writable {
  let leftOut = 0
  return new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      if (reader.writableLength > WAITING_BYTES_MAX || (leftOut > 0 && reader.writableLength > 0)) leftOut++
      else {
        if (leftOut > 0) reader.write(gap(leftOut))
        leftOut = 0
        reader.write(line)
      }
      done()
    },
  })
}
