/** Measures contrast by WCAG 2. The function runs in the page, so it uses nothing from outside itself. */

/**
 * Counts the measured texts and borders, and lists those with too little contrast: below 4.5 for text (3 if it is large), below 3
 * for the border of a control, the bar of a selected row and the lines of a plot.
 */
export function measureContrast(): { measured: number; faint: string[] } {
  interface Colour { readonly channels: readonly number[]; readonly alpha: number }
  const colourOf = (css: string): Colour => {
    const [red = 0, green = 0, blue = 0, alpha = 1] = (css.match(/[\d.]+/g) ?? []).map(Number)
    return { channels: [red, green, blue], alpha }
  }
  const over = (above: Colour, below: Colour): Colour => ({ channels: above.channels.map((channel, index) => channel * above.alpha + (below.channels[index] ?? 0) * (1 - above.alpha)), alpha: 1 })
  const luminance = ({ channels }: Colour) => channels.map(channel => channel / 255).map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * ([0.2126, 0.7152, 0.0722][index] ?? 0), 0)
  const contrast = (above: Colour, background: Colour) => {
    const [light = 0, dark = 0] = [luminance(over(above, background)), luminance(background)].sort((one, other) => other - one)
    return (light + 0.05) / (dark + 0.05)
  }
  const around = (element: Element): Element[] => element.parentElement === null ? [element] : [element, ...around(element.parentElement)]
  const backgroundOf = (element: Element) => around(element).map(one => colourOf(getComputedStyle(one).backgroundColor)).reduceRight((background, colour) => over(colour, background), colourOf('rgb(255, 255, 255)'))
  const isVisible = (element: Element) => element.closest('[inert], .visually-hidden, .xterm, :disabled, [data-disabled], [aria-hidden="true"].xterm-rows') === null && getComputedStyle(element).visibility === 'visible'
    && element.getClientRects().length > 0
  const faint: string[] = []
  let measured = 0
  const measure = (what: string, colour: string, element: Element, background: Element, least: number) => {
    measured++
    const { channels, alpha } = colourOf(colour)
    const opacity = around(element).reduce((product, one) => product * Number(getComputedStyle(one).opacity), 1)
    const ratio = contrast({ channels, alpha: alpha * opacity }, backgroundOf(background))
    if (ratio < least) faint.push(`${what}: ${ratio.toFixed(2)}`)
  }
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) {
    const { textContent, parentElement } = texts.currentNode
    if (parentElement === null || textContent === null || textContent.trim() === '' || !isVisible(parentElement)) continue
    const { color, fill, fontSize, fontWeight } = getComputedStyle(parentElement)
    const isLarge = Number.parseFloat(fontSize) >= (Number(fontWeight) >= 700 ? 18.66 : 24)
    measure(textContent.trim().slice(0, 30), parentElement instanceof SVGElement ? fill : color, parentElement, parentElement, isLarge ? 3 : 4.5)
  }
  for (const control of document.querySelectorAll('input:not([type="range"]), textarea, select, .segmented, .switch, .button-plain')) {
    if (!isVisible(control) || control.parentElement === null) continue
    measure(`border of ${control.getAttribute('aria-label') ?? control.textContent ?? ''}`, getComputedStyle(control).borderTopColor, control, control.parentElement, 3)
  }
  for (const field of document.querySelectorAll('[placeholder]')) {
    if (isVisible(field)) measure(`placeholder of ${field.getAttribute('aria-label') ?? ''}`, getComputedStyle(field, '::placeholder').color, field, field, 4.5)
  }
  for (const selected of document.querySelectorAll(':is([role="option"], [role="treeitem"])[aria-selected="true"]')) {
    measure(`bar of ${selected.getAttribute('aria-label') ?? selected.textContent ?? ''}`, /^rgba?\([^)]*\)/.exec(getComputedStyle(selected).boxShadow)?.[0] ?? 'rgba(0, 0, 0, 0)', selected, selected, 3)
  }
  for (const line of document.querySelectorAll('.plot path')) {
    const { stroke } = getComputedStyle(line)
    measure(line.getAttribute('class') ?? '', stroke === 'none' ? 'rgba(0, 0, 0, 0)' : stroke, line, line, 3)
  }
  return { measured, faint }
}
