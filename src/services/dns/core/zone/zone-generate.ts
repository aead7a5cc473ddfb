/**
 * `$GENERATE 1-20[/2] pc$ A 192.168.1.$`: BIND's shorthand for many records that differ in a number. `$` is the number,
 * `${-1,3,x}` the number minus one, padded to three digits, in hexadecimal (`d`, `o`, `x`, `X`); `\$` is a dollar sign.
 */
import { UsageError } from '../../../kit/errors.ts'

/** Enough for a network of 65,536 addresses, and few enough to read without delaying other work. */
const LINES_MAX = 65_536
const NUMBER_MAX = 0x7fffffff
const WIDTH_MAX = 255
const RADIX: Readonly<Record<string, number>> = { d: 10, o: 8, x: 16, X: 16 }

/**
 * The lines that a `$GENERATE` expands to.
 * @param words the words after it: the range, then the words of a line
 * @throws UsageError if the range or the template is invalid, or there would be more than 65,536 lines
 */
export function* generatedLines([range = '', ...words]: readonly string[]): Generator<string> {
  const match = /^(\d{1,10})-(\d{1,10})(?:\/(\d{1,10}))?$/.exec(range)
  const [start, stop, step] = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3] ?? 1)]
  if (match === null || step < 1 || stop < start || stop > NUMBER_MAX) throw wrong(`"${range}" is not a range`)
  if ((stop - start) / step >= LINES_MAX) throw wrong(`"${range}" expands to more than ${LINES_MAX} lines`)
  const template = words.join(' ')
  for (let number = start; number <= stop; number += step) yield template.replace(/\\\$|\$(?:\{([^}]*)\})?/g, (found, modifiers?: string) => found === '\\$' ? found : formatNumber(number, modifiers))
}

function formatNumber(number: number, modifiers: string | undefined): string {
  if (modifiers === undefined) return String(number)
  const match = /^([+-]?\d{1,10})(?:,(\d{1,3})(?:,([doxX]))?)?$/.exec(modifiers)
  const [offset, width, radix] = [Number(match?.[1]), Number(match?.[2] ?? 0), match?.[3] ?? 'd']
  const shifted = number + offset
  if (match === null || width > WIDTH_MAX || shifted < 0) throw wrong(`"\${${modifiers}}" is not a valid modifier`)
  const text = shifted.toString(RADIX[radix] ?? 10).padStart(width, '0')
  return radix === 'X' ? text.toUpperCase() : text
}

function wrong(why: string): UsageError {
  return new UsageError('$GENERATE is invalid', why, 'write $GENERATE START-STOP[/STEP] NAME TYPE DATA')
}
