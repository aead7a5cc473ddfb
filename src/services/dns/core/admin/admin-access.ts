/**
 * Access control of the admin port. A valid signature permits everything, from anywhere. For an unsigned line the source decides:
 *
 *     source                   REGISTER, REPLACE, UNREGISTER       LIST, FLUSH
 *     this machine             yes                                 yes
 *     an allowed network       yes                                 yes
 *     a local network          its own address for its own name    no
 *     elsewhere                no                                  no
 *
 * A name is a machine's own if it has no records, or if all its records are addresses of that machine. Its services are
 * registered below it (`_http._tcp.<name> SRV`, RFC 2782). The name must be below the apex and must not be a wildcard, or any
 * machine on the network could take over `www.example.org` for all others. On the local network a source address can be
 * forged; where that matters, sign.
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
  /** The name of the key that signed the line, already verified. */
  readonly signedBy: string | undefined
}

export interface AdminNetworks {
  /** This machine's own addresses. */
  readonly own: readonly string[]
  /** The networks that this machine is in. */
  readonly subnets: readonly IpPrefix[]
  /** The networks that the user allowed in the settings. */
  readonly allowed: readonly IpPrefix[]
}

type Change = Extract<AdminCommand, { verb: 'change' }>['change']

const REMEDY = 'sign the line with a key of dns.keys, send it from the server itself, or have the server started with --allow_register'

/** Why a command is refused; undefined if it is allowed. */
export function refusalOf(command: AdminCommand, sender: Sender, networks: AdminNetworks, zone: Pick<Zone, 'recordsOf'>): UsageError | undefined {
  const within = (prefixes: readonly IpPrefix[]) => prefixes.some(prefix => isInPrefix(prefix, sender.address))
  if (sender.signedBy !== undefined || isThisMachine(sender.address, networks.own, false) || within(networks.allowed)) return undefined
  if (!within(networks.subnets)) return refused(`${sender.address} is not in a network of this server`)
  if (command.verb !== 'change') return refused(`${sender.address} may only register its own name`)
  return refusalOfChange(command.change, sender.address, zone)
}

function refusalOfChange(change: Change, address: string, zone: Pick<Zone, 'recordsOf'>): UsageError | undefined {
  const service = /^_[^.]+\._[^.]+\.(.+)$/.exec(change.name)
  const owner = service?.[1] ?? change.name
  if (!isWithin(owner, APEX) || labelsOf(owner).includes('*')) return refused(`${address} may only register its own name below ${APEX}, not ${owner}`)
  const held = zone.recordsOf(owner)
  if (!held.every(record => isAddress(record, address))) return refused(`${owner} has records that are not the address of ${address}`)
  if (service !== null) return held.length === 0 ? refused(`${owner} is not registered with the address ${address}`) : refusalOfService(change, owner)
  if (change.change === 'unregister') return undefined
  if (change.type !== 'A' && change.type !== 'AAAA') return refused(`${address} may only register its own address, not ${change.type} records`)
  return change.rdata === address ? undefined : refused(`${address} may only register its own address, not ${change.rdata}`)
}

function refusalOfService(change: Change, owner: string): UsageError | undefined {
  if (change.type !== 'SRV') return refused(`below ${owner} only services (SRV) may be registered`)
  if (change.change === 'unregister') return undefined
  const target = change.rdata.split(' ')[3] ?? ''
  return nameKey(target) === `${nameKey(owner)}.` ? undefined : refused(`the target of a service of ${owner} must be ${owner}`)
}

function isAddress({ type, rdata }: ResourceRecord, address: string): boolean {
  return (type === TYPE.A || type === TYPE.AAAA) && formatRdata(type, rdata) === address
}

function refused(why: string): UsageError {
  return new UsageError('The line was rejected', why, REMEDY)
}
