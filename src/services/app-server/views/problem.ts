/** An error page, with a link back. */
import type { HttpResponse } from '../message.ts'
import { html } from './html.ts'
import { page, type PageFrame } from './layout.ts'

export function problemPage(frame: PageFrame, status: number, title: string, sentence: string, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  const response = page(frame, {
    status, path: '', title,
    main: html`<h1>${title}</h1>
<p class="lead">${sentence}</p>
<p><a href="/">Back to the village square</a></p>`,
  })
  return { ...response, headers: { ...response.headers, ...headers } }
}
