/**
 * The village square: each click lights one more window, outward from the house in the middle; the last click turns all
 * off but the first.
 */

const button = document.getElementById('light-button')
const count = document.getElementById('count')
const windows = [...document.querySelectorAll('.scene .window')]
const first = windows.findIndex(pane => pane.classList.contains('lit'))
const order = windows.map((_, index) => index).sort((a, b) => Math.abs(a - first) - Math.abs(b - first))

let lit = 1
button.disabled = false
button.addEventListener('click', () => {
  lit = lit === windows.length ? 1 : lit + 1
  order.forEach((index, place) => windows[index].classList.toggle('lit', place < lit))
  count.textContent = String(lit)
  button.textContent = lit === windows.length ? 'Turn the lights off' : 'Light a window'
})
