/** What the server knows about the request for this very page. */
import type { HttpRequest, HttpResponse } from '../message.ts'
import { html } from './html.ts'
import { page, type PageFrame } from './layout.ts'

/** What the page shows, and the JSON for its script contains. */
export interface RequestFacts {
  readonly transport: string
  readonly peer: string
  readonly connection: number
  readonly requestNumber: number
  readonly httpVersion: string
  readonly method: string
  readonly headers: readonly (readonly [string, string])[]
}

/** Fields whose values must not appear on a screen. */
const SECRET: readonly string[] = ['authorization', 'proxy-authorization', 'cookie']

export function requestFacts({ connection, httpVersion, method, headers }: HttpRequest): RequestFacts {
  return {
    transport: connection.transport.toUpperCase(), peer: connection.peer, connection: connection.number, requestNumber: connection.requestNumber, httpVersion, method,
    headers: Object.entries(headers).map(([name, value]) => [name, SECRET.includes(name) ? '(not shown)' : value]),
  }
}

export function aboutPage(frame: PageFrame, facts: RequestFacts): HttpResponse {
  return page(frame, {
    path: '/about', title: `About this page · ${frame.domain}`, script: 'about.js',
    main: html`<h1>About this page</h1>
<p class="lead">This is what the server saw when your browser requested the page you are reading.</p>
<div class="columns">
<section class="panel" aria-labelledby="facts"><h2 id="facts">How it got here</h2>
<dl class="facts">
<dt>Transport</dt><dd>${facts.transport === 'RUDP' ? 'RUDP: HTTP over reliable UDP' : 'TCP: HTTP over TCP'}</dd>
<dt>Seen from</dt><dd><code>${facts.peer}</code></dd>
<dt>Connection</dt><dd>number ${facts.connection} since the server started</dd>
<dt>Request</dt><dd>number ${facts.requestNumber} on this connection</dd>
<dt>Protocol</dt><dd>HTTP/${facts.httpVersion}</dd>
</dl></section>
<section class="panel" aria-labelledby="timing"><h2 id="timing">How long a response takes</h2>
<p class="actions"><button id="ask-button" type="button" class="primary" disabled>Ask again</button> <span id="ask-status" role="status">Your browser can send the request again and time it.</span></p>
<ol id="times" class="times" aria-label="The latest responses, newest first"></ol>
<dl class="facts" id="page-times"></dl></section>
</div>
<section class="panel" aria-labelledby="sent"><h2 id="sent">What your browser sent</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="sent"><table>
<thead><tr><th scope="col">Field</th><th scope="col">Value</th></tr></thead>
<tbody>${facts.headers.map(([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>
`)}</tbody></table></div></section>`,
  })
}
