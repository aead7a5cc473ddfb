/** When clients renew their lease, and when they rebind: RFC 2131 §4.4.5. After a half and seven eighths of it, or as the person sets it. */
import { UsageError } from '../../kit/errors.ts'
import type { Options } from '../wire/options.ts'

/**
 * @param set what is set for the longest lease; where the client wants one that is too short for that, it does not hold
 * @returns always in their order, and within the lease
 */
export function timesOf(leaseSeconds: number, set: Options): { readonly renewalSeconds: number; readonly rebindingSeconds: number } {
  const within = (seconds: number | undefined, endSeconds: number) => seconds !== undefined && seconds < endSeconds ? seconds : undefined
  const rebindingSeconds = within(set.rebindingSeconds, leaseSeconds) ?? usualRebinding(leaseSeconds)
  const renewalSeconds = within(set.renewalSeconds, rebindingSeconds) ?? Math.min(Math.floor(leaseSeconds / 2), Math.round(rebindingSeconds * 4 / 7))
  return { rebindingSeconds, renewalSeconds }
}

/** @throws UsageError: the times that are set are not in their order */
export function checkTimes(leaseSeconds: number, { renewalSeconds: renewal = 0, rebindingSeconds: rebinding = usualRebinding(leaseSeconds) }: Options): void {
  if (renewal >= rebinding) throw new UsageError(`--option cannot be 58=${renewal}`, `clients rebind after ${rebinding} s (option 59), and have to renew before`, `set less than ${rebinding} s`)
  if (rebinding >= leaseSeconds) throw new UsageError(`--option cannot be 59=${rebinding}`, `the lease ends after ${leaseSeconds} s, and clients have to rebind before`, `set less than ${leaseSeconds} s`)
}

function usualRebinding(leaseSeconds: number): number {
  return Math.floor(leaseSeconds * 7 / 8)
}
