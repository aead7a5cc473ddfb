/** HTML as a template tag: every value put into a template is escaped, unless this tag made it. */

/** Text that is already HTML. Only `html` makes it. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type HtmlPart = string | number | Html | undefined | readonly HtmlPart[]

/** `html\`<p>${name}</p>\``: strings are escaped for text and quoted attributes, undefined is nothing, lists are joined. */
export function html(literals: TemplateStringsArray, ...parts: readonly HtmlPart[]): Html {
  return new Html(literals.reduce((text, literal, index) => text + textOf(parts[index - 1]) + literal))
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

function textOf(part: HtmlPart): string {
  if (part === undefined) return ''
  if (part instanceof Html) return part.text
  if (typeof part === 'object') return part.map(textOf).join('')
  return escapeHtml(String(part))
}
