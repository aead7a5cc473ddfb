/** Tells the secondaries by a socket of its own that the zone has changed (core/admin/notify.ts says when). */
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
  /** The zone has this SOA now. */
  changed(soa: ResourceRecord): void
  close(): Promise<void>
}

/**
 * @param host the server's own address, which secondaries know it by; where it has many, the system takes the one that leads there
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
      const told = { secondary: formatEndpoint(secondary.peer), serial, rcode }
      trace.event('dns', { event: name, ...told }, clock.nowMs())
      context.emit(name, told)
      if (rcode !== 'NOERROR') context.log(`${told.secondary} was told of serial ${serial} and ${rcode === 'SILENT' ? 'does not answer' : `answers ${rcode}`}; it asks by itself when its refresh time comes`)
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
