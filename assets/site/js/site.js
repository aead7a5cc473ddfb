/** On every page: says that scripts run. */

const status = document.getElementById('script-status')
status.textContent = 'JavaScript runs'
status.classList.add('runs')
