/** The page that the gateway shows in place of one that it could not get: what, why, what was done, the remedy, the proof. */
import { capitalize, type ErrorParts } from '../../kit/errors.ts'

/** A complete HTML page. Every part may contain foreign text and is escaped. No script, and nothing loaded from elsewhere. */
export function renderErrorPage({ code, what, why, done, remedy, proof }: ErrorParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(what)}</title>
<style>
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 40rem; margin: 15vh auto 0; padding: 0 1.5rem }
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere }
p { overflow-wrap: anywhere }
code { opacity: .7 }
</style>
</head>
<body>
<main>
<h1>${escapeHtml(what)}</h1>
<p>Because ${escapeHtml(why)}.</p>
${done === undefined ? '' : `<p>Already done: ${escapeHtml(done)}.</p>\n`}<p>${escapeHtml(capitalize(remedy))}.</p>
<p><code>${escapeHtml(proof === undefined ? code : `${code} · ${proof}`)}</code></p>
</main>
</body>
</html>
`
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
