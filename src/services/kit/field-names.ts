/** HTTP field names, checked by the application server and by the gateway. */

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/**
 * The first invalid field name. node:http 16 lets whitespace in names pass, which another parser may read as a different field; a request
 * with such a name must be rejected (RFC 9112 §5.1).
 * @param rawHeaders alternating names and values, as in Node
 * @returns undefined if all names are valid
 */
export function invalidFieldName(rawHeaders: readonly string[]): string | undefined {
  return rawHeaders.find((name, index) => index % 2 === 0 && !TOKEN.test(name))
}
