/** The guestbook: signs without leaving the page, and shows what others write. The form also works without this script. */

const REFRESH_EVERY_MS = 5000

const form = document.getElementById('sign')
const message = document.getElementById('message')
const left = document.getElementById('message-left')
const status = document.getElementById('sign-status')
const list = document.getElementById('entries')

message.addEventListener('input', countCharacters)
countCharacters()

form.addEventListener('submit', async event => {
  event.preventDefault()
  status.textContent = 'Sending…'
  try {
    const response = await fetch(form.action, { method: 'POST', headers: { accept: 'application/json' }, body: new URLSearchParams(new FormData(form)) })
    const reply = response.headers.get('content-type') === 'application/json' ? await response.json() : { sentence: await response.text() }
    showFaults(reply.faults ?? {})
    if (response.ok) {
      form.reset()
      countCharacters()
      await refresh()
    }
    status.textContent = response.ok ? 'Thank you. Your entry is saved.' : reply.sentence ?? 'Please check the form.'
  } catch {
    status.textContent = 'The server could not be reached. Your message is still here: try again.'
  }
})

setInterval(() => {
  if (!document.hidden) refresh().catch(() => undefined) // the next refresh is soon
}, REFRESH_EVERY_MS)

async function refresh() {
  const { entries } = await (await fetch('/guestbook/entries.json')).json()
  if (entries.length === list.children.length && `entry-${entries[0]?.id ?? ''}` === (list.firstElementChild?.id ?? 'entry-')) return
  list.replaceChildren(...entries.map(drawEntry))
  document.getElementById('no-entries').hidden = entries.length > 0
}

/** The server draws an entry in the same way, in views/guestbook.ts. */
function drawEntry({ id, name, message: said, writtenAtMs }) {
  const iso = new Date(writtenAtMs).toISOString()
  const who = element('p', { className: 'who' }, element('b', {}, name), ' ', element('time', { dateTime: iso }, `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`))
  return element('li', { id: `entry-${id}` }, who, element('p', { className: 'said' }, said))
}

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

function showFaults(faults) {
  for (const field of ['name', 'message']) {
    const fault = document.getElementById(`${field}-fault`)
    fault.hidden = faults[field] === undefined
    fault.textContent = faults[field] ?? ''
    form.elements[field].toggleAttribute('aria-invalid', faults[field] !== undefined)
  }
}

function countCharacters() {
  left.textContent = `${message.maxLength - message.value.length} characters left`
}
