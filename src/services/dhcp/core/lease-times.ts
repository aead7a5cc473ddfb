/**
 * T1 and T2, when clients renew and rebind: by default after 1/2 and 7/8 of the lease time (RFC 2131 §4.4.5), or as the
 * user sets them.
 */
import { UsageError } from '../../kit/errors.ts'
import type { Options } from '../wire/options.ts'

/**
 * @param set the times the user set; ignored if the client asked for a lease too short for them
 * @returns T1 before T2, and both within the lease
 */
export function timesOf(leaseSeconds: number, set: Options): { readonly renewalSeconds: number; readonly rebindingSeconds: number } {
  const within = (seconds: number | undefined, endSeconds: number) => seconds !== undefined && seconds < endSeconds ? seconds : undefined
  const rebindingSeconds = within(set.rebindingSeconds, leaseSeconds) ?? usualRebinding(leaseSeconds)
  const renewalSeconds = within(set.renewalSeconds, rebindingSeconds) ?? Math.min(Math.floor(leaseSeconds / 2), Math.round(rebindingSeconds * 4 / 7))
  return { rebindingSeconds, renewalSeconds }
}

/** @throws UsageError if the configured times are not in the order T1, T2, end of the lease */
export function checkTimes(leaseSeconds: number, { renewalSeconds: renewal = 0, rebindingSeconds: rebinding = usualRebinding(leaseSeconds) }: Options): void {
  if (renewal >= rebinding) throw new UsageError(`--option cannot be 58=${renewal}`, `clients rebind after ${rebinding} s (option 59), and must renew before that`, `set less than ${rebinding} s`)
  if (rebinding >= leaseSeconds) throw new UsageError(`--option cannot be 59=${rebinding}`, `the lease ends after ${leaseSeconds} s, and clients must rebind before that`, `set less than ${leaseSeconds} s`)
}

function usualRebinding(leaseSeconds: number): number {
  return Math.floor(leaseSeconds * 7 / 8)
}
