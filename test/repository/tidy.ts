/** What no compiler and no linter sees in a text file of the repository. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const LINES_MAX = 600
const LEFT_OUT = new Set(['.git', 'node_modules', 'out', '.vite', '.cache', 'test-results'])
/** Written by programs. */
const GENERATED = /^package-lock\.json$|(^|\/)(NOTICES|LICENSES?|THIRD-PARTY)[^/]*$/i
const REGISTRY = /\bregistry\s*=\s*https?:|\bhttps?:\/\/[^\s'"`)]*(registry|artifactory|nexus|mirror|npmjs|pypi|pythonhosted)[^\s'"`)]*/i
/** Folders of somebody's machine. The people of the examples are from the play. */
const MACHINE_PATH = /(?<![\w.-])\/(work|workspace|builds|mnt|root)\/\w[\w./-]*|\/(home|Users)\/(?!(yorick|ophelia|horatio)\b)\w+\/[\w.-]+/
/** Functions and properties that Chromium 108 does not have. Nesting is lowered by the build. */
const YOUNG_CSS = [
  /\boklch\(/, /\boklab\(/, /\blch\(/, /\bcolor-mix\(/, /\blight-dark\(/, /\b(rgb|hsl|hwb|color)a?\(\s*from\b/, /\bsubgrid\b/, /@starting-style\b/, /@scope\b/, /@view-transition\b/, /\bview-transition-name\b/,
  /::view-transition/, /:popover-open\b/, /\btext-wrap\b/, /\bfield-sizing\b/, /\binterpolate-size\b/, /\banimation-timeline\b/, /\banchor-name\b/, /\bposition-anchor\b/, /\banchor\(/, /\blinear\(\s*[\d.]/, /\btransition-behavior\b/,
]

/** Text files, by their path from `root`. */
export function textFiles(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap(entry => {
    if (LEFT_OUT.has(entry.name) || entry.name.endsWith('.log')) return []
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) return textFiles(root, path)
    return entry.isFile() && !readFileSync(join(root, path)).includes(0) ? [path] : []
  })
}

/** What is wrong with one file, as sentences. */
export function complaintsAbout(path: string, text: string): string[] {
  const complaints: string[] = []
  const complain = (condition: boolean, sentence: string) => { if (condition) complaints.push(sentence) }
  const lines = text.split('\n')
  complain(text.trim() === '', 'it is empty')
  complain(lines.length > LINES_MAX && !GENERATED.test(path), `it has ${lines.length} lines, and ${LINES_MAX} are the limit`)
  complain(needsHeader(path) && !/^(#!.*\n)?(\/\*|\/\/|<!--)/.test(text), 'it does not begin with a comment that says what it is')
  if (GENERATED.test(path)) complain(/"resolved":\s*"https?:/.test(text), 'it names the host of a registry')
  else for (const [index, line] of lines.entries()) {
    complain(REGISTRY.test(line), `line ${index + 1} names the host of a registry`)
    complain(MACHINE_PATH.test(line), `line ${index + 1} names a folder of one machine`)
  }
  if (path.endsWith('.css')) complaints.push(...youngCss(text).map(found => `it says ${found}, which Chromium 108 does not know`))
  return complaints
}

/**
 * What a file of `src` exports, and no other file names. Types are left out: they name parts of what others use.
 * @param texts code by its path
 */
export function loneExports(texts: ReadonlyMap<string, string>): string[] {
  const files = new Map<string, number>()
  for (const text of texts.values()) for (const name of new Set(text.match(/[\w$]+/g))) files.set(name, (files.get(name) ?? 0) + 1)
  return [...texts].filter(([path]) => path.startsWith('src/')).flatMap(([path, text]) => {
    const exported = [...text.matchAll(/^export (?:async )?(?:function\*?|class|const) ([\w$]+)/gm)].map(([, name = '']) => name)
    return exported.filter(name => files.get(name) === 1).map(name => `${path}: ${name}`)
  })
}

function needsHeader(path: string): boolean {
  return /^(src|test|bench|scripts)\/.*\.(ts|tsx|mjs|cjs|css|c|h)$/.test(path) && !/\.(test|check)\.(tsx?|mjs)$/.test(path)
}

function youngCss(text: string): string[] {
  const rules = text.replace(/\/\*[\s\S]*?\*\//g, '')
  return YOUNG_CSS.flatMap(young => young.exec(rules)?.[0] ?? [])
}
