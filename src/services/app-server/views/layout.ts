/** What every page of the demo site shares: head, navigation, and the badge that says which transport carried the page. */
import { textResponse, type ConnectionFacts, type HttpResponse, type Transport } from '../message.ts'
import { html, type Html } from './html.ts'

/** What every page shows about its site and connection. */
export interface PageFrame {
  readonly domain: string
  readonly connection: ConnectionFacts
}

const PAGES = [
  { path: '/', name: 'Village square' },
  { path: '/watch', name: 'Watch' },
  { path: '/guestbook', name: 'Guestbook' },
  { path: '/about', name: 'About this page' },
] as const

/** Everything comes from this server; there are no inline scripts or styles. */
const PAGE_HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy': "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
  'referrer-policy': 'same-origin',
}

/**
 * A whole page.
 * @param path of the page, so that the navigation can mark it
 * @param script file name of the page's own script under /js/, besides the shared one
 */
export function page(frame: PageFrame, options: { status?: number; path: string; title: string; script?: string; main: Html }): HttpResponse {
  const { path, title, script, main } = options
  const text = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/media/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/css/site.css">
<script type="module" src="/js/site.js"></script>
${script === undefined ? undefined : html`<script type="module" src="/js/${script}"></script>`}
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="/"><img src="/media/icon.svg" alt="" width="32" height="32"><span>${frame.domain}</span></a>
<nav aria-label="Pages"><ul>
${PAGES.map(({ path: to, name }) => html`<li><a href="${to}"${to === path ? html` aria-current="page"` : undefined}>${name}</a></li>
`)}</ul></nav>
${transportBadge(frame.connection.transport)}
</header>
<main id="main">
${main}
</main>
<footer class="bottom">
<p>Connection ${frame.connection.number}, request ${frame.connection.requestNumber} on it. <span id="script-status" role="status">JavaScript has not run yet</span></p>
</footer>
</body>
</html>
`.text
  return textResponse(options.status ?? 200, 'text/html; charset=utf-8', text, PAGE_HEADERS)
}

/** Shape, text and color all say the same, so that no reader depends on one of them. */
function transportBadge(transport: Transport): Html {
  return html`<p class="badge ${transport}"><span aria-hidden="true">${transport === 'tcp' ? '■' : '◆'}</span> <span class="visually-hidden">This page came over </span><span id="transport">${transport.toUpperCase()}</span></p>`
}
