/** Opens and closes a service's sockets as the machine's addresses change: interfaces come and go, cables are plugged in, leases change. */
import type { ServiceEndpoint } from '../host-protocol.ts'
import { isWildcard } from '../ip-address.ts'
import type { Clock } from './clock.ts'
import { addressesToBind } from './local-addresses.ts'

/** The sockets for one `--host`. */
export interface AddressFollower {
  /** Only a wildcard is followed; a single address never changes. */
  readonly host: string
  /** Opens sockets for new addresses and closes those of addresses that are gone. */
  follow(addresses: readonly string[]): Promise<unknown>
}

export interface FollowOptions {
  readonly clock: Clock
  readonly log: (text: string) => void
  /** The service's current endpoints. */
  readonly endpoints: () => readonly ServiceEndpoint[]
  /** Called when they have changed. */
  readonly setEndpoints: (endpoints: readonly ServiceEndpoint[]) => void
}

const LOOK_EVERY_MS = 2000

/** Checks every 2 s, changed or not: it may take a while until a new address can be bound. @returns a function that stops it */
export function followAddresses(all: readonly AddressFollower[], { clock, log, endpoints, setEndpoints }: FollowOptions): () => void {
  const changing = all.filter(({ host }) => isWildcard(host))
  if (changing.length === 0) return () => undefined
  let stopped = false
  let cancel = () => {}
  let known = endpoints()
  const look = async (): Promise<void> => {
    for (const follower of changing) await follower.follow(addressesToBind(follower.host))
    const now = endpoints()
    if (stopped || JSON.stringify(now) === JSON.stringify(known)) return
    for (const address of addressesOf(now)) if (!addressesOf(known).has(address)) log(`${address} is new on this machine, and the service now listens on it`)
    for (const address of addressesOf(known)) if (!addressesOf(now).has(address)) log(`${address} is gone from this machine`)
    known = now
    setEndpoints(now)
  }
  const lookLater = (): void => {
    cancel = clock.wakeAt(clock.nowMs() + LOOK_EVERY_MS, () => void look().finally(() => { if (!stopped) lookLater() }))
  }
  lookLater()
  return () => {
    stopped = true
    cancel()
  }
}

const addressesOf = (endpoints: readonly ServiceEndpoint[]) => new Set(endpoints.map(({ address }) => address))
