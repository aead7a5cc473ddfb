/** Interfaces come and go, cables are plugged, leases change: the sockets of a service go with the addresses of the machine. */
import type { ServiceEndpoint } from '../host-protocol.ts'
import { isWildcard } from '../ip-address.ts'
import type { Clock } from './clock.ts'
import { addressesToBind } from './local-addresses.ts'

/** Sockets that stand on one host. */
export interface Standing {
  /** `--host`; a single address never changes. */
  readonly host: string
  /** Opens what is new among the addresses, and closes what is gone. */
  follow(addresses: readonly string[]): Promise<unknown>
}

export interface Surroundings {
  readonly clock: Clock
  readonly log: (text: string) => void
  /** Where the service is reached now. */
  readonly endpoints: () => readonly ServiceEndpoint[]
  /** Told them when they are others. */
  readonly setEndpoints: (endpoints: readonly ServiceEndpoint[]) => void
}

const LOOK_EVERY_MS = 2000

/** Looks every 2 s, changed or not: a new address may need a while until it can be bound. @returns the function that ends it */
export function followAddresses(all: readonly Standing[], { clock, log, endpoints, setEndpoints }: Surroundings): () => void {
  const changing = all.filter(({ host }) => isWildcard(host))
  if (changing.length === 0) return () => undefined
  let stopped = false
  let cancel = () => {}
  let known = endpoints()
  const look = async (): Promise<void> => {
    for (const standing of changing) await standing.follow(addressesToBind(standing.host))
    const now = endpoints()
    if (stopped || JSON.stringify(now) === JSON.stringify(known)) return
    for (const address of addressesOf(now)) if (!addressesOf(known).has(address)) log(`${address} is new on this machine and is answered on too`)
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
