/** Traces a running process with strace, which can also make its system calls fail or wait. The process continues when strace ends. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { emptyFolder } from './hamlet.ts'
import { startPeer } from './namespaces.ts'

export interface SystemCall {
  readonly name: string
  /** Arguments and result, as strace prints them. */
  readonly text: string
  /** Positions in the order in which strace saw all calls begin and end. */
  readonly began: number
  readonly ended: number
}

export interface Traced {
  /** Stops strace. @returns the calls that it saw both begin and end, in the order in which they began */
  stop(): Promise<SystemCall[]>
}

/** Attaches strace to all threads of a process. Needs root, unless the process is our own child. */
export async function trace(pid: number, ...flags: string[]): Promise<Traced> {
  const file = join(emptyFolder(), 'strace')
  const strace = await startPeer(undefined, 'strace', ['-f', '-y', '-s', '65536', '-o', file, ...flags, '-p', String(pid)], /attached/)
  return {
    async stop() {
      await strace.stop()
      return parse(readFileSync(file, 'utf8'))
    },
  }
}

/** Parses lines `17 pwrite64(…) = 9`, or pairs of `17 pwrite64(… <unfinished ...>` and `17 <... pwrite64 resumed>) = 9`. */
function parse(text: string): SystemCall[] {
  const calls: SystemCall[] = []
  const open = new Map<string, { name: string; text: string; began: number }>()
  for (const [index, line] of text.split('\n').entries()) {
    const [, thread = '', name, rest = ''] = /^(\d+)\s+(?:<\.\.\. )?(\w+)(.*)$/.exec(line) ?? []
    if (name === undefined) continue
    const begun = open.get(thread)
    if (line.endsWith('<unfinished ...>')) open.set(thread, { name, text: rest, began: index })
    else if (begun?.name === name && line.includes(' resumed>')) {
      calls.push({ name, text: begun.text + rest, began: begun.began, ended: index })
      open.delete(thread)
    } else calls.push({ name, text: rest, began: index, ended: index })
  }
  return calls.sort((a, b) => a.began - b.began)
}
