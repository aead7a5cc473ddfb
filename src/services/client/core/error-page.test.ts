import { expect, test } from 'vitest'
import { renderErrorPage } from './error-page.ts'

test('the page shows the five parts', () => {
  const page = renderErrorPage({ code: 'name-unknown', what: 'No address is known for a.home', why: 'nobody registered it', done: 'asked twice', remedy: 'register it', proof: 'NXDOMAIN' })
  for (const part of ['<h1>No address is known for a.home</h1>', 'Because nobody registered it.', 'Already done: asked twice.', '<p>Register it.</p>', 'name-unknown · NXDOMAIN']) expect(page).toContain(part)
})

test('foreign text cannot become markup', () => {
  const evil = '<script>alert("x")</script>\'&'
  const page = renderErrorPage({ code: 'refused', what: evil, why: evil, done: evil, remedy: evil, proof: evil })
  expect(page).not.toContain('<script')
  expect(page).toContain('&#60;script&#62;alert(&#34;x&#34;)&#60;/script&#62;&#39;&#38;')
})
