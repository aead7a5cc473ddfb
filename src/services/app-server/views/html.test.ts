import fc from 'fast-check'
import { expect, test } from 'vitest'
import { escapeHtml, html } from './html.ts'

test('values are escaped, HTML made by the tag is not', () => {
  const name = '<script>alert("1")</script>'
  expect(html`<p title='${name}'>${[html`<b>${name}</b>`, undefined, 7]}</p>`.text)
    .toBe('<p title=\'&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;\'><b>&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;</b>7</p>')
})

test('no text can open a tag, end an attribute or begin another entity', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('<', '>', '"', '\'', '&', 'a', ';', '#') }), text => {
    const escaped = escapeHtml(text)
    expect(escaped).not.toMatch(/[<>"']|&(?!#\d+;)/)
    expect(escaped.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))).toBe(text)
  }))
})
