/** The Host field of an HTTP request: for whoever answers it, and whoever hands it on. */

/**
 * Whether the Host fields of a request are in order: exactly one in HTTP/1.1, of the right form (RFC 9112 §3.2). HTTP/1.0 may
 * have none. Node lets two pass in every version; of none it says nothing in version 16, and no reason in later ones.
 * @param rawHeaders names and values in turn, as Node gives them
 */
export function hasValidHost(httpVersion: string, rawHeaders: readonly string[]): boolean {
  const hosts = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'host')
  if (hosts.length === 0) return httpVersion === '1.0'
  return hosts.length === 1 && /^([a-z0-9._~%!$&'()*+,;=-]*|\[[0-9a-f:.]+\])(:\d{0,5})?$/i.test(hosts[0] ?? '')
}
