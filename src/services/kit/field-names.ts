/** The names of the fields of an HTTP message: for whoever takes one, and whoever hands it on. */

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * The first name that is none: node:http 16 lets blanks in names pass, which to another reader may be another field. A request with one
 * has to be refused (RFC 9112 §5.1).
 * @param rawHeaders names and values in turn, as Node gives them
 * @returns undefined where all are in order
 */
export function invalidFieldName(rawHeaders: readonly string[]): string | undefined {
  return rawHeaders.find((name, index) => index % 2 === 0 && !TOKEN.test(name))
}
