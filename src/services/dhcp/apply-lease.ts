/** Runs the commands that give an interface what was lent; what the commands are says core/apply.ts. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HamletError, oneLine, UsageError } from '../kit/errors.ts'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import type { Commands } from './core/apply.ts'
import { linuxInterfaces } from './linux-interfaces.ts'

const runProgram = promisify(execFile)
const RUN_WITHIN_MS = 10_000

/**
 * To be called before a lease is asked for.
 * @throws UsageError where leases cannot be applied on this system, or not to this interface
 */
export function checkInterface(name: string): void {
  if (process.platform !== 'linux') throw new UsageError('the lease cannot be applied', 'that is written for Linux', 'leave --apply out')
  const all = linuxInterfaces()
  const named = all.find(one => one.name === name)
  if (named !== undefined && !named.loopback) return
  const why = named === undefined ? 'this machine has no such interface' : 'that is the loopback, which nobody lends addresses for'
  throw new UsageError(`--apply cannot be ${name}`, why, `choose one of ${all.filter(one => !one.loopback).map(one => one.name).join(', ')}`)
}

/** @throws UsageError where the lease's address is there already */
export function checkIsNew(address: string): void {
  const owner = localIpv4Addresses().find(local => local.address === address)
  if (owner !== undefined) throw new UsageError('the lease cannot be applied', `${owner.interfaceName} has ${address} already`, 'leave --apply out')
}

/**
 * Runs all of them, or none: where one fails those before it are undone.
 * @throws HamletError refused, with what the program said
 */
export async function applyLease({ apply, undo }: Commands): Promise<void> {
  for (const [index, command] of apply.entries()) {
    try {
      await runOne(command)
    } catch (error) {
      for (const back of undo.slice(undo.length - index)) await runOne(back)
      throw new HamletError({ code: 'refused', what: `"${command.join(' ')}" failed`, why: wordsOf(error), done: 'what was done before it was undone', remedy: 'look at the interface and its rights' }, { cause: error })
    }
  }
}

async function runOne([program = '', ...args]: readonly string[]): Promise<void> {
  await runProgram(program, args, { timeout: RUN_WITHIN_MS })
}

/** What the program wrote to stderr, where it ran at all. */
function wordsOf(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  return stderr === '' ? oneLine(error) : stderr
}
