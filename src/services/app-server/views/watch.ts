/** The film, with buttons that jump within it: a jump to a part not yet loaded is a Range request. */
import type { HttpResponse } from '../message.ts'
import { html } from './html.ts'
import { page, type PageFrame } from './layout.ts'

const CHAPTERS = [
  { atSeconds: 0, name: 'The sun goes down' },
  { atSeconds: 4, name: 'The first window' },
  { atSeconds: 8, name: 'Everybody is home' },
] as const

export function watchPage(frame: PageFrame): HttpResponse {
  return page(frame, {
    path: '/watch', title: `Watch · ${frame.domain}`, script: 'watch.js',
    main: html`<h1>The village at dusk</h1>
<p class="lead">Twelve seconds, without sound: from seven o'clock to eight, the sun sets behind the hills and one window after another lights up.</p>
<figure class="film">
<video id="film" controls muted playsinline preload="metadata" width="640" height="360" poster="/media/village-at-dusk.svg" aria-label="The village at dusk, a film of twelve seconds without sound">
<source src="/media/village-at-dusk.webm" type="video/webm">
Your browser cannot play WebM video. <a href="/media/village-at-dusk.webm">Download the film</a> instead.
</video>
<figcaption>
<p class="chapters">${CHAPTERS.map(({ atSeconds, name }) => html`<button type="button" class="chapter" data-at="${atSeconds}" disabled>0:0${atSeconds} ${name}</button>
`)}</p>
<p id="watch-status" role="status">Press play, or jump to a part.</p>
</figcaption>
</figure>
<h2>What happens when you jump</h2>
<p>A browser requests a film with <code>Range: bytes=0-</code> and gets <code>206 Partial Content</code>. The file contains an index of where each second begins. If you jump to a second that is not loaded yet, the browser sends a new request from there on, such as <code>Range: bytes=90000-</code>, and skips what lies between. A film as short as this one is often loaded completely before you jump; over a slow link you can see the difference.</p>`,
  })
}
