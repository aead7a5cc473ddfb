/** A miniature Hamlet in a temporary folder, with the configuration of the real one, in which rule violations can be planted. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'

export const repository = resolve(import.meta.dirname, '../..')

const CONFIGURATION = ['package.json', 'eslint.config.js', '.dependency-cruiser.cjs', 'tsconfig.base.json', 'tsconfig.json', 'tsconfig.pure.json', 'tsconfig.services.json', 'tsconfig.renderer.json']
/** Stubs for packages: the import checker recognizes packages by their location, and a symbolic link leads elsewhere. */
const STUBS = ['zod', 'react', 'undeclared']

export class PlantedTree {
  readonly root = mkdtempSync(join(tmpdir(), 'hamlet-planted-'))

  /** @param files path from the root → text */
  constructor(files: Readonly<Record<string, string>>) {
    for (const file of CONFIGURATION) cpSync(join(repository, file), join(this.root, file))
    const modules = join(this.root, 'node_modules')
    mkdirSync(modules)
    for (const name of readdirSync(join(repository, 'node_modules'))) if (!STUBS.includes(name)) symlinkSync(join(repository, 'node_modules', name), join(modules, name))
    for (const name of STUBS) {
      this.#write(join('node_modules', name, 'package.json'), JSON.stringify({ name, version: '1.0.0', main: 'index.js', types: 'index.d.ts' }))
      this.#write(join('node_modules', name, 'index.js'), 'exports.z = {}\n')
      this.#write(join('node_modules', name, 'index.d.ts'), 'export declare const z: object\n')
    }
    for (const [path, text] of Object.entries(files)) this.#write(path, text)
  }

  remove(): void {
    rmSync(this.root, { recursive: true })
  }

  /** Violations of import rules, as `file: rule`. */
  async importChecker(): Promise<string[]> {
    const output = await this.#run('dependency-cruiser/bin/dependency-cruiser.mjs', ['--config', '.dependency-cruiser.cjs', '--output-type', 'json', 'src'])
    const report = z.object({ summary: z.object({ violations: z.array(z.object({ from: z.string(), to: z.string(), rule: z.object({ name: z.string() }) })) }) }).parse(JSON.parse(output))
    // An unreachable file is reported once for each entry point.
    return report.summary.violations.map(({ from, to, rule }) => `${rule.name === 'no-dead-files' ? to : from}: ${rule.name}`)
  }

  /** Compiler errors, as `file: TS1234`. */
  async compiler(project: string): Promise<string[]> {
    const output = await this.#run('typescript/bin/tsc', ['-p', project, '--pretty', 'false'])
    return [...output.matchAll(/^(\S+?)\(\d+,\d+\): error (TS\d+)/gm)].map(([, file, code]) => `${file}: ${code}`)
  }

  /** Lint errors, as `file: rule`. */
  async linter(): Promise<string[]> {
    const output = await this.#run('eslint/bin/eslint.js', ['--format', 'json', '.'])
    const report = z.array(z.object({ filePath: z.string(), messages: z.array(z.object({ ruleId: z.string().nullable() })) })).parse(JSON.parse(output))
    return report.flatMap(({ filePath, messages }) => messages.map(({ ruleId }) => `${filePath.slice(this.root.length + 1)}: ${ruleId ?? 'cannot be read'}`))
  }

  #write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true })
    writeFileSync(join(this.root, path), text)
  }

  /** The output of a checker, which is expected to exit with an error status. */
  #run(binary: string, args: readonly string[]): Promise<string> {
    return new Promise(done => {
      execFile(process.execPath, [join(this.root, 'node_modules', binary), ...args], { cwd: this.root, maxBuffer: 64 * 1024 * 1024 }, (_error, stdout) => done(stdout))
    })
  }
}
