/** Sends the request again and times it, and shows how long this page took, as measured by the browser. */

const TIMES_MAX = 8

const button = document.getElementById('ask-button')
const status = document.getElementById('ask-status')
const times = []

button.disabled = false
button.addEventListener('click', async () => {
  button.disabled = true
  const startedMs = performance.now()
  try {
    const facts = await (await fetch('/about/request.json')).json()
    times.unshift(performance.now() - startedMs)
    times.length = Math.min(times.length, TIMES_MAX)
    status.textContent = `Answered over ${facts.transport}: request ${facts.requestNumber} on connection ${facts.connection}.`
    drawTimes()
  } catch {
    status.textContent = 'The server could not be reached.'
  }
  button.disabled = false
})

// The end of the load event is known only after its handlers have run.
addEventListener('load', () => setTimeout(showPageTimes))

function drawTimes() {
  const longest = Math.max(...times)
  document.getElementById('times').replaceChildren(...times.map(tookMs => {
    const row = document.createElement('li')
    const bar = Object.assign(document.createElement('meter'), { max: longest, value: tookMs })
    bar.setAttribute('aria-hidden', 'true')
    row.append(`${tookMs.toFixed(1)} ms`, bar)
    return row
  }))
}

function showPageTimes() {
  const [page] = performance.getEntriesByType('navigation')
  if (page === undefined) return
  const facts = [
    ['First byte after', `${(page.responseStart - page.startTime).toFixed(1)} ms`],
    ['Page loaded after', `${(page.loadEventEnd - page.startTime).toFixed(1)} ms`],
    ['Size of the page', `${page.encodedBodySize} bytes`],
  ]
  document.getElementById('page-times').replaceChildren(...facts.flatMap(([term, fact]) => [
    Object.assign(document.createElement('dt'), { textContent: term }), Object.assign(document.createElement('dd'), { textContent: fact }),
  ]))
}
