/** The Host field of an HTTP request, checked by the application server and by the gateway. */

/**
 * Whether a request has exactly one Host field, of the right form (RFC 9112 §3.2); an HTTP/1.0 request may have none. Every version of
 * Node accepts two fields. Node 16 accepts none; later versions refuse that, without giving a reason.
 * @param rawHeaders alternating names and values, as in Node
 */
export function hasValidHost(httpVersion: string, rawHeaders: readonly string[]): boolean {
  const hosts = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'host')
  if (hosts.length === 0) return httpVersion === '1.0'
  return hosts.length === 1 && /^([a-z0-9._~%!$&'()*+,;=-]*|\[[0-9a-f:.]+\])(:\d{0,5})?$/i.test(hosts[0] ?? '')
}
