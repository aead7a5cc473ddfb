/** The film: buttons that jump, and a line that shows the current position and what is loaded. */

const film = document.getElementById('film')
const status = document.getElementById('watch-status')

for (const chapter of document.querySelectorAll('.chapter')) {
  chapter.disabled = false
  chapter.addEventListener('click', () => {
    film.currentTime = Number(chapter.dataset.at)
    film.play().catch(() => undefined) // the browser may block autoplay: the film then waits at this position
  })
}

film.addEventListener('seeked', showStatus)
film.addEventListener('pause', showStatus)
film.addEventListener('progress', showStatus)
film.addEventListener('error', () => { status.textContent = 'The film cannot be played.' }, true)

function showStatus() {
  if (Number.isNaN(film.duration)) return // the metadata has not arrived yet
  const loaded = [...Array(film.buffered.length).keys()].map(index => `${film.buffered.start(index).toFixed(1)} to ${film.buffered.end(index).toFixed(1)} s`)
  status.textContent = `At ${film.currentTime.toFixed(1)} s of ${film.duration.toFixed(1)} s. Loaded: ${loaded.join(', ') || 'nothing yet'}.`
}
