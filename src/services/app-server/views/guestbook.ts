/** The guestbook page: a form that works without JavaScript, and the entries. */
import type { HttpResponse } from '../message.ts'
import { MESSAGE_LENGTH_MAX, NAME_LENGTH_MAX, type GuestbookEntry } from '../models/guestbook.ts'
import { html, type Html } from './html.ts'
import { page, type PageFrame } from './layout.ts'

/** What the form shows again after its content was refused. */
export interface GuestbookForm {
  readonly name: string
  readonly message: string
  /** A sentence for each invalid field. */
  readonly faults: { readonly name?: string | undefined; readonly message?: string | undefined }
}

export const EMPTY_FORM: GuestbookForm = { name: '', message: '', faults: {} }

export function guestbookPage(frame: PageFrame, entries: readonly GuestbookEntry[], form: GuestbookForm, status: number): HttpResponse {
  return page(frame, {
    status, path: '/guestbook', title: `Guestbook · ${frame.domain}`, script: 'guestbook.js',
    main: html`<h1>Guestbook</h1>
<p class="lead">Leave a line for the next visitor. Your browser sends it with <code>POST</code>, and the server writes it to disk before you see it here.</p>
<form id="sign" class="panel" method="post" action="/guestbook">
<p class="field"><label for="name">Your name</label>
<input id="name" name="name" type="text" required maxlength="${NAME_LENGTH_MAX}" autocomplete="nickname" value="${form.name}" aria-describedby="name-fault"${invalid(form.faults.name)}>
${faultText('name', form.faults.name)}</p>
<p class="field"><label for="message">Your message</label>
<textarea id="message" name="message" rows="3" required maxlength="${MESSAGE_LENGTH_MAX}" aria-describedby="message-left message-fault"${invalid(form.faults.message)}>
${form.message}</textarea>
<span id="message-left" class="hint">At most ${MESSAGE_LENGTH_MAX} characters</span>
${faultText('message', form.faults.message)}</p>
<p class="actions"><button type="submit" class="primary">Sign</button> <span id="sign-status" role="status"></span></p>
</form>
<h2>Who was here</h2>
<p id="no-entries"${entries.length > 0 ? html` hidden` : undefined}>Nobody has signed yet. Be the first.</p>
<ol id="entries" class="entries">
${entries.map(entryItem)}</ol>`,
  })
}

/** assets/site/js/guestbook.js draws an entry in the same way. */
function entryItem({ id, name, message, writtenAtMs }: GuestbookEntry): Html {
  const iso = new Date(writtenAtMs).toISOString()
  return html`<li id="entry-${id}"><p class="who"><b>${name}</b> <time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time></p><p class="said">${message}</p></li>
`
}

function invalid(fault: string | undefined): Html | undefined {
  return fault === undefined ? undefined : html` aria-invalid="true"`
}

function faultText(field: string, fault: string | undefined): Html {
  return html`<span id="${field}-fault" class="fault"${fault === undefined ? html` hidden` : undefined}>${fault}</span>`
}
