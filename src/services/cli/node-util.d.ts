// Node 16.17 has util.parseArgs; its type package of that major has not.
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
