/** The village square: a welcome, the scene whose windows a script lights, and the four steps that bring a page. */
import type { HttpResponse } from '../message.ts'
import { html } from './html.ts'
import { page, type PageFrame } from './layout.ts'
import { villageScene, WINDOWS } from './scene.ts'

export function homePage(frame: PageFrame): HttpResponse {
  const rudp = frame.connection.transport === 'rudp'
  return page(frame, {
    path: '/', title: `Welcome to ${frame.domain}`, script: 'home.js',
    main: html`<section class="hero" aria-labelledby="welcome">
${villageScene()}
<div class="hero-text">
<h1 id="welcome">Welcome to <span class="unbroken">${frame.domain}</span></h1>
<p>Every lit window is a computer that answers. One of them has just sent you this page.</p>
<p class="actions"><button id="light-button" type="button" class="primary" disabled>Light a window</button>
<span class="count"><output id="count">1</output> of <span id="windows">${WINDOWS}</span> lit</span></p>
</div>
</section>

<section aria-labelledby="way">
<h2 id="way">How this page came to you</h2>
<ol class="journey">
<li class="dhcp"><h3><span aria-hidden="true">▲</span> Address</h3><p>Your computer asked the village for an address and leased one for a while. That was <abbr title="Dynamic Host Configuration Protocol">DHCP</abbr>.</p></li>
<li class="dns"><h3><span aria-hidden="true">●</span> Name</h3><p>It looked up <b>${frame.domain}</b> and learned the number of this house. That was <abbr title="Domain Name System">DNS</abbr>.</p></li>
<li class="${frame.connection.transport}"><h3><span aria-hidden="true">${rudp ? '◆' : '■'}</span> Connect</h3><p>${rudp
  ? 'It knocked over RUDP: separate datagrams, numbered and sent again when one is lost, so that nothing is missing in the end.'
  : 'It knocked over TCP: the operating system numbers the bytes and resends what is lost, so that nothing is missing in the end.'}</p></li>
<li class="http"><h3><span aria-hidden="true">■</span> Page</h3><p>Then it said <code>GET /</code>, and this text came back. That was <abbr title="Hypertext Transfer Protocol">HTTP</abbr>, the same over both transports.</p></li>
</ol>
</section>

<section class="cards" aria-label="More pages">
<a class="card" href="/watch"><h2>Watch the evening</h2><p>A short film. Jump around in it and see how a browser requests just a part.</p></a>
<a class="card" href="/guestbook"><h2>Sign the guestbook</h2><p>Leave a line. It survives a restart of the server.</p></a>
<a class="card" href="/about"><h2>Look behind the page</h2><p>What your browser sent, how it traveled, and how long a response takes.</p></a>
</section>`,
  })
}
