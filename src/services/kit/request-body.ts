/** Whether an HTTP request has a body: for whoever reads it, and whoever hands it on. RFC 9112 §6: it has one where one of these fields is there. */
export function hasBody({ headers }: { readonly headers: Readonly<Record<string, string | string[] | undefined>> }): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}
