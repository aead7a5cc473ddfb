/** Runs the commands that apply a lease to an interface (core/apply.ts). */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HamletError, oneLine, UsageError } from '../kit/errors.ts'
import { localIpv4Addresses } from '../kit/node/local-addresses.ts'
import type { Commands } from './core/apply.ts'
import { linuxInterfaces } from './linux-interfaces.ts'

const runProgram = promisify(execFile)
const RUN_WITHIN_MS = 10_000

/**
 * Call this before asking for a lease.
 * @throws UsageError if leases cannot be applied on this system, or to this interface
 */
export function checkInterface(name: string): void {
  if (process.platform !== 'linux') throw new UsageError('the lease cannot be applied', 'that is only supported on Linux', 'leave --apply out')
  const all = linuxInterfaces()
  const named = all.find(one => one.name === name)
  if (named !== undefined && !named.loopback) return
  const why = named === undefined ? 'this machine has no such interface' : 'that is the loopback interface, which gets no address by DHCP'
  throw new UsageError(`--apply cannot be ${name}`, why, `choose one of ${all.filter(one => !one.loopback).map(one => one.name).join(', ')}`)
}

/** @throws UsageError if this machine already has the address */
export function checkIsNew(address: string): void {
  const owner = localIpv4Addresses().find(local => local.address === address)
  if (owner !== undefined) throw new UsageError('the lease cannot be applied', `${owner.interfaceName} already has ${address}`, 'leave --apply out')
}

/**
 * Runs all commands or none: if one fails, those before it are undone.
 * @throws HamletError refused, with the program's error message
 */
export async function applyLease({ apply, undo }: Commands): Promise<void> {
  for (const [index, command] of apply.entries()) {
    try {
      await runOne(command)
    } catch (error) {
      for (const back of undo.slice(undo.length - index)) await runOne(back)
      throw new HamletError({ code: 'refused', what: `"${command.join(' ')}" failed`, why: wordsOf(error), done: 'the commands before it were undone', remedy: 'check the interface and your privileges' }, { cause: error })
    }
  }
}

async function runOne([program = '', ...args]: readonly string[]): Promise<void> {
  await runProgram(program, args, { timeout: RUN_WITHIN_MS })
}

/** What the program wrote to stderr, or why it did not run. */
function wordsOf(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  return stderr === '' ? oneLine(error) : stderr
}
