/**
 * Requests and responses as controllers see them: plain data, the same for TCP and RUDP. Only http-server.ts and
 * write-response.ts know Node's own objects.
 */

export type Transport = 'tcp' | 'rudp'

/** The connection that carried the request. */
export interface ConnectionFacts {
  readonly transport: Transport
  /** `127.0.0.1:40000`. */
  readonly peer: string
  /** Number of the connection, counted from 1 since the server started. */
  readonly number: number
  /** Number of the request on this connection, counted from 1. */
  readonly requestNumber: number
}

export interface HttpRequest {
  readonly method: string
  /** The path's segments, percent-decoded: `/a/b%20c` is `['a', 'b c']`, `/a/` is `['a', '']`, `/` is `['']`. */
  readonly segments: readonly string[]
  readonly query: URLSearchParams
  /** The query as it was sent, with its question mark; '' if there is none. */
  readonly search: string
  /** Names in lower case. Repeated fields are joined as RFC 9110 §5.3 says. */
  readonly headers: Readonly<Record<string, string>>
  readonly httpVersion: string
  readonly body: Uint8Array
  readonly connection: ConnectionFacts
  /** In ms since 1970. */
  readonly receivedAtMs: number
}

/** A file that may be served. */
export interface FoundFile {
  /** Absolute, links resolved. */
  readonly path: string
  readonly contentType: string
  readonly lengthBytes: number
  readonly modifiedAtMs: number
  /** Derived from the length and the time of the last change. */
  readonly etag: string
}

export type ResponseBody =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  /** The bytes `first` to `last` of a file, both included; `last` < `first` is nothing. */
  | { readonly kind: 'file'; readonly file: FoundFile; readonly first: number; readonly last: number }
  /** `lengthBytes` meaningless bytes, generated as they are sent. */
  | { readonly kind: 'filler'; readonly lengthBytes: number }

export interface HttpResponse {
  readonly status: number
  /** Names in lower case; Content-Length, Date and Connection are added when the response is written. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: ResponseBody
}

export type Controller = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>

export function textResponse(status: number, contentType: string, text: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers: { 'content-type': contentType, ...headers }, body: { kind: 'bytes', bytes: Buffer.from(text) } }
}

export function jsonResponse(status: number, value: unknown): HttpResponse {
  return textResponse(status, 'application/json', JSON.stringify(value), { 'cache-control': 'no-store' })
}

export function emptyResponse(status: number, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers, body: { kind: 'bytes', bytes: new Uint8Array(0) } }
}

/** An error response: one sentence of plain text. */
export function problem(status: number, sentence: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return textResponse(status, 'text/plain; charset=utf-8', `${sentence}\n`, { 'cache-control': 'no-store', ...headers })
}
