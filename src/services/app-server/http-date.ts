/** HTTP dates (RFC 9110 §5.6.7): the one format that is sent, and two obsolete ones that are still accepted. */

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const TIME = '(?<hour>\\d{2}):(?<minute>\\d{2}):(?<second>\\d{2})'
const FORMS = [
  new RegExp(`^[A-Z][a-z]{2}, (?<day>\\d{2}) (?<month>[A-Z][a-z]{2}) (?<year>\\d{4}) ${TIME} GMT$`), // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^[A-Z][a-z]{5,8}, (?<day>\\d{2})-(?<month>[A-Z][a-z]{2})-(?<year>\\d{2}) ${TIME} GMT$`), // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^[A-Z][a-z]{2} (?<month>[A-Z][a-z]{2}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})$`), // asctime(): Sun Nov  6 08:49:37 1994
]

/** @param atMs ms since 1970 */
export function formatHttpDate(atMs: number): string {
  return new Date(atMs).toUTCString()
}

/**
 * @param nowMs a two-digit year is never read as more than 50 years after this
 * @returns ms since 1970; undefined if the text is not a date
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const groups = FORMS.map(form => form.exec(text)?.groups).find(found => found !== undefined)
  if (groups === undefined) return undefined
  const { day, month = '', year = '', hour, minute, second } = groups
  const shown = [Number(day), MONTHS.indexOf(month), Number(hour), Number(minute), Number(second)] as const
  const [date, monthIndex, ...time] = shown
  const atMs = Date.UTC(year.length === 2 ? fullYear(Number(year), nowMs) : Number(year), monthIndex, date, ...time)
  const read = new Date(atMs)
  // April 31 is not a date, and 24:00 is not a time.
  return read.getUTCDate() === date && read.getUTCMonth() === monthIndex ? atMs : undefined
}

function fullYear(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear()
  const inThisCentury = thisYear - thisYear % 100 + twoDigits
  return inThisCentury > thisYear + 50 ? inThisCentury - 100 : inThisCentury
}
