/**
 * Who may say what on the admin port. A signature opens everything from anywhere; without one it counts where a line comes from:
 *
 *     from                    REGISTER, REPLACE, UNREGISTER       LIST, FLUSH
 *     this machine            yes                                 yes
 *     an allowed network      yes                                 yes
 *     a network of ours       its own address for its own name    no
 *     elsewhere               no                                  no
 *
 * A machine's own name is one that has no records, or only addresses and all of them the machine's; below it stand its
 * services (`_http._tcp.<name> SRV`, RFC 2782). It lies below the apex and is no wildcard, or any machine of the network could
 * take `www.example.org` from all others. A sender's address can be forged on the own network: whoever minds signs.
 */
import { UsageError } from '../../../kit/errors.ts'
import { isInPrefix, type IpPrefix } from '../../../kit/ip-prefix.ts'
import type { ResourceRecord } from '../../wire/message.ts'
import { isWithin, labelsOf, nameKey } from '../../wire/name.ts'
import { formatRdata } from '../../wire/rdata.ts'
import { TYPE } from '../../wire/types.ts'
import type { AdminCommand } from './admin.ts'
import { APEX } from '../zone/apex.ts'
import { isThisMachine } from './this-machine.ts'
import type { Zone } from '../zone/zone.ts'

export interface Sender {
  readonly address: string
  /** The key that the line is truly signed with. */
  readonly signedBy: string | undefined
}

export interface AdminNetworks {
  /** This machine's own addresses. */
  readonly own: readonly string[]
  /** The networks that this machine is in. */
  readonly subnets: readonly IpPrefix[]
  /** Those that the person named in the settings. */
  readonly allowed: readonly IpPrefix[]
}

type Change = Extract<AdminCommand, { verb: 'change' }>['change']

const REMEDY = 'sign the line with a key of dns.keys, send it from the server itself, or have the server started with --allow_register'

/** Why a line may not be said; undefined where it may. */
export function refusalOf(command: AdminCommand, sender: Sender, networks: AdminNetworks, zone: Pick<Zone, 'recordsOf'>): UsageError | undefined {
  const within = (prefixes: readonly IpPrefix[]) => prefixes.some(prefix => isInPrefix(prefix, sender.address))
  if (sender.signedBy !== undefined || isThisMachine(sender.address, networks.own, false) || within(networks.allowed)) return undefined
  if (!within(networks.subnets)) return refused(`${sender.address} is in no network of this server`)
  if (command.verb !== 'change') return refused(`${sender.address} may only register its own name`)
  return refusalOfChange(command.change, sender.address, zone)
}

function refusalOfChange(change: Change, address: string, zone: Pick<Zone, 'recordsOf'>): UsageError | undefined {
  const service = /^_[^.]+\._[^.]+\.(.+)$/.exec(change.name)
  const owner = service?.[1] ?? change.name
  if (!isWithin(owner, APEX) || labelsOf(owner).includes('*')) return refused(`${address} may register its own name below ${APEX}, and ${owner} is none`)
  const held = zone.recordsOf(owner)
  const foreign = held.find(record => !isAddress(record, address))
  if (foreign !== undefined) return refused(`${owner} has records that are not the address of ${address}`)
  if (service !== null) return held.length === 0 ? refused(`${owner} is not registered with the address ${address}`) : refusalOfService(change, owner)
  if (change.change === 'unregister') return undefined
  if (change.type !== 'A' && change.type !== 'AAAA') return refused(`${address} may register its own address, and no ${change.type} record`)
  return change.rdata === address ? undefined : refused(`${address} may register its own address, and not ${change.rdata}`)
}

function refusalOfService(change: Change, owner: string): UsageError | undefined {
  if (change.type !== 'SRV') return refused(`below ${owner} only services (SRV) may be registered`)
  if (change.change === 'unregister') return undefined
  const target = change.rdata.split(' ')[3] ?? ''
  return nameKey(target) === `${nameKey(owner)}.` ? undefined : refused(`a service of ${owner} must lead to ${owner}`)
}

function isAddress({ type, rdata }: ResourceRecord, address: string): boolean {
  return (type === TYPE.A || type === TYPE.AAAA) && formatRdata(type, rdata) === address
}

function refused(why: string): UsageError {
  return new UsageError('The line was not taken', why, REMEDY)
}
