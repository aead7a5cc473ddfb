/** The film: buttons that jump, and a line that says where one is and what has been loaded. */

const film = document.getElementById('film')
const status = document.getElementById('watch-status')

for (const chapter of document.querySelectorAll('.chapter')) {
  chapter.disabled = false
  chapter.addEventListener('click', () => {
    film.currentTime = Number(chapter.dataset.at)
    film.play().catch(() => undefined) // a browser may forbid to start by itself: the film then waits at that place
  })
}

film.addEventListener('seeked', tell)
film.addEventListener('pause', tell)
film.addEventListener('progress', tell)
film.addEventListener('error', () => { status.textContent = 'The film cannot be shown.' }, true)

function tell() {
  if (Number.isNaN(film.duration)) return // its head has not come yet
  const loaded = [...Array(film.buffered.length).keys()].map(index => `${film.buffered.start(index).toFixed(1)} to ${film.buffered.end(index).toFixed(1)} s`)
  status.textContent = `At ${film.currentTime.toFixed(1)} s of ${film.duration.toFixed(1)} s. Loaded: ${loaded.join(', ') || 'nothing yet'}.`
}
