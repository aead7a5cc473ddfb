/** The administrative side of the server: keys, ordered zone changes, secondaries, and the admin port. */
import { parseEndpoint } from '../kit/endpoint.ts'
import { parseIpPrefix } from '../kit/ip-prefix.ts'
import { addressesToBind } from '../kit/node/local-addresses.ts'
import { onSamePort } from '../kit/node/same-port.ts'
import type { ServiceContext } from '../kit/node/service.ts'
import type { FollowingDoor } from '../kit/node/udp/following-door.ts'
import { openAdminPort, type AdminTarget } from './admin-port.ts'
import type { dns } from './contract.ts'
import { Authority } from './core/admin/authority.ts'
import { nodeHmac } from './hmac.ts'
import { Keyring } from './keys-file.ts'
import type { NamesTable } from './names-table.ts'
import { Refusals } from './refusals.ts'
import { openSecondaries } from './secondaries.ts'
import { ZoneChanges } from './zone-changes.ts'
import type { ZoneStore } from './zone-store.ts'

export interface AdministrationOptions {
  readonly context: ServiceContext<typeof dns>
  readonly store: ZoneStore
  readonly table: NamesTable
}

export interface Administration {
  /** For the DNS machine. */
  readonly authority: Authority
  readonly changes: ZoneChanges
  readonly refusals: Refusals
  /** The zone was replaced: notifies the secondaries. */
  zoneChanged(): void
  /** @throws HamletError port-taken, port-not-permitted or address-not-local */
  openPort(target: AdminTarget): Promise<FollowingDoor>
  close(): Promise<void>
}

const DNS_PORT = 53

/**
 * The system's current wall clock: signatures are checked against the
 * clocks of other machines, and the service's own clock is monotonic.
 */
const wallSeconds = (): number => Date.now() / 1000

export async function openAdministration({ context, store, table }: AdministrationOptions): Promise<Administration> {
  const { settings, clock, trace, health } = context
  const keyring = new Keyring({ folder: context.dataFolder, clock, log: text => context.log(text), onTrouble: sentence => health.set('keys', sentence) })
  await keyring.watch()
  const peers = settings.secondary.map(text => parseEndpoint(text, DNS_PORT))
  const secondaries = await openSecondaries(peers, settings.host, context)
  const zoneChanged = (): void => secondaries.changed(store.zone.soa)
  // A secondary may have missed changes while this server was down.
  zoneChanged()
  const signing = { keyOf: keyring.keyOf, hmac: nodeHmac, wallSeconds }
  const refusals = new Refusals(context)
  return {
    authority: new Authority(store.zone, { ...signing, secondaries: peers.map(({ address }) => address), takesLocalUpdates: settings.local_update }),
    changes: new ZoneChanges({ store, table, context, onChanged: zoneChanged }),
    refusals, zoneChanged,
    openPort: target => onSamePort(settings.admin_port, settings.admin_host, port => openAdminPort({
      addresses: addressesToBind(settings.admin_host), port, target, trace, clock, ...signing,
      log: context.log, allowed: settings.allow_register.flatMap(text => parseIpPrefix(text) ?? []), onRefused: refusal => refusals.report(refusal),
    })),
    async close() {
      keyring.close()
      await secondaries.close()
    },
  }
}
