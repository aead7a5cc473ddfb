/** Measures contrast in a page, by WCAG 2: runs there, so it stands alone. */

/** How many texts and edges were looked at, and those that are too faint: below 4.5 for text (3 where it is large), 3 for the edge of a control, the bar of what is chosen and the lines of a plot. */
export function pastContrast(): { looked: number; faint: string[] } {
  interface Colour { readonly channels: readonly number[]; readonly alpha: number }
  const colourOf = (css: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (css.match(/[\d.]+/g) ?? []).map(Number)
    return { channels: [red, green, blue], alpha }
  }
  const over = (above: Colour, below: Colour): Colour => ({ channels: above.channels.map((channel, index) => channel * above.alpha + (below.channels[index] ?? 0) * (1 - above.alpha)), alpha: 1 })
  const luminance = ({ channels }: Colour) => channels.map(channel => channel / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * ([0.2126, 0.7152, 0.0722][index] ?? 0), 0)
  const contrast = (above: Colour, ground: Colour) => {
    const [light = 0, dark = 0] = [luminance(over(above, ground)), luminance(ground)].sort((one, other) => other - one)
    return (light + 0.05) / (dark + 0.05)
  }
  const around = (element: Element): Element[] => element.parentElement === null ? [element] : [element, ...around(element.parentElement)]
  const groundOf = (element: Element) => around(element).map(one => colourOf(getComputedStyle(one).backgroundColor)).reduceRight((ground, colour) => over(colour, ground), colourOf('rgb(255, 255, 255)'))
  const isSeen = (element: Element) => element.closest('[inert], .visually-hidden, .xterm, :disabled, [data-disabled], [aria-hidden="true"].xterm-rows') === null && getComputedStyle(element).visibility === 'visible'
    && element.getClientRects().length > 0
  const faint: string[] = []
  let looked = 0
  const look = (what: string, colour: string, element: Element, ground: Element, least: number) => {
    looked++
    const { channels, alpha } = colourOf(colour)
    const opacity = around(element).reduce((product, one) => product * Number(getComputedStyle(one).opacity), 1)
    const measured = contrast({ channels, alpha: alpha * opacity }, groundOf(ground))
    if (measured < least) faint.push(`${what}: ${measured.toFixed(2)}`)
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const { textContent, parentElement } = texts.currentNode
    if (parentElement === null || textContent === null || textContent.trim() === '' || !isSeen(parentElement)) continue
    const { color, fill, fontSize, fontWeight } = getComputedStyle(parentElement)
    const isLarge = Number.parseFloat(fontSize) >= (Number(fontWeight) >= 700 ? 18.66 : 24)
    look(textContent.trim().slice(0, 30), parentElement instanceof SVGElement ? fill : color, parentElement, parentElement, isLarge ? 3 : 4.5)
  }
  for (const control of document.querySelectorAll('input:not([type="range"]), textarea, select, .segmented, .switch, .button-plain')) {
    if (!isSeen(control) || control.parentElement === null) continue
    look(`edge of ${control.getAttribute('aria-label') ?? control.textContent ?? ''}`, getComputedStyle(control).borderTopColor, control, control.parentElement, 3)
  }
  for (const field of document.querySelectorAll('[placeholder]')) {
    if (isSeen(field)) look(`placeholder of ${field.getAttribute('aria-label') ?? ''}`, getComputedStyle(field, '::placeholder').color, field, field, 4.5)
  }
  for (const chosen of document.querySelectorAll(':is([role="option"], [role="treeitem"])[aria-selected="true"]')) {
    look(`bar of ${chosen.getAttribute('aria-label') ?? chosen.textContent ?? ''}`, /^rgba?\([^)]*\)/.exec(getComputedStyle(chosen).boxShadow)?.[0] ?? 'rgba(0, 0, 0, 0)', chosen, chosen, 3)
  }
  for (const line of document.querySelectorAll('.plot path')) {
    const { stroke } = getComputedStyle(line)
    look(line.getAttribute('class') ?? '', stroke === 'none' ? 'rgba(0, 0, 0, 0)' : stroke, line, line, 3)
  }
  return { looked, faint }
}
