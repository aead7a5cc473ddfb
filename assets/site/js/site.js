/** On every page: shows that JavaScript runs. */

const status = document.getElementById('script-status')
status.textContent = 'JavaScript is running'
status.classList.add('runs')
