/** Notifies the secondaries of zone changes, from a socket of its own (core/admin/notify.ts decides when). */
import { formatEndpoint, type Endpoint } from '../kit/endpoint.ts'
import { isWildcard } from '../kit/ip-address.ts'
import { drive, type Driver } from '../kit/node/drive.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import type { DatagramDoor } from '../kit/node/udp/door.ts'
import { openTracedDoor } from '../kit/node/udp/traced-door.ts'
import type { dns } from './contract.ts'
import { Notifier } from './core/admin/notify.ts'
import type { ResourceRecord } from './wire/message.ts'

export interface Secondaries {
  /** The zone now has this SOA. */
  changed(soa: ResourceRecord): void
  close(): Promise<void>
}

/**
 * @param host the address by which secondaries know the server; with a wildcard, the system picks the one on the route to each
 * @throws HamletError address-not-local
 */
export async function openSecondaries(secondaries: readonly Endpoint[], host: string, context: ServiceContext<typeof dns>): Promise<Secondaries> {
  if (secondaries.length === 0) return { changed: () => undefined, close: () => Promise.resolve() }
  const { clock, trace } = context
  const families = new Set(secondaries.map(({ address }) => address.includes(':') ? '::' : '0.0.0.0'))
  const addresses = [...families].map(any => !isWildcard(host) && host.includes(':') === any.includes(':') ? host : any)
  const door: DatagramDoor = await openTracedDoor({ addresses, port: 0, receive: batch => driver.receive(batch) }, trace, 'dns', clock)
  const notifier = new Notifier(secondaries.map(peer => door.pathTo(peer)), context.random)
  const driver: Driver = drive({
    machine: notifier, clock,
    door: () => door,
    onEvent({ name, secondary, serial, rcode }) {
      const notified = { secondary: formatEndpoint(secondary.peer), serial, rcode }
      trace.event('dns', { event: name, ...notified }, clock.nowMs())
      context.emit(name, notified)
      if (rcode !== 'NOERROR') context.log(`${notified.secondary} was notified of serial ${serial} and ${rcode === 'SILENT' ? 'does not answer' : `answers ${rcode}`}; it will check by itself after its refresh interval`)
    },
  })
  return {
    changed(soa) {
      notifier.changed(soa, clock.nowMs())
      driver.drain()
    },
    async close() {
      driver.stop()
      await door.close()
    },
  }
}
