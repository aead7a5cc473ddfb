// Node 16.17 has util.parseArgs, but the type package for Node 16 lacks it.
declare module 'node:util' {
  export function parseArgs(config: {
    args: string[]
    options: Record<string, { type: 'string' | 'boolean' }>
    strict: boolean
    allowPositionals: boolean
    tokens: true
  }): {
    tokens: (
      | { kind: 'option'; name: string; rawName: string; value: string | undefined }
      | { kind: 'positional'; value: string }
      | { kind: 'option-terminator' }
    )[]
  }
}
