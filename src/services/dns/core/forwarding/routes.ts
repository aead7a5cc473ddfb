/**
 * Conditional forwarding: which servers to query for which names. The most specific zone wins. Private zones are never
 * forwarded unless a setting names a server for them.
 *
 *     .                    the upstreams
 *     corp.example.org     192.0.2.1, 192.0.2.2     --forward corp.example.org=192.0.2.1 --forward corp.example.org=192.0.2.2
 *     168.192.in-addr.arpa none                     built in
 *     ads.example.org      none                     --forward ads.example.org=
 */
import { UsageError } from '../../../kit/errors.ts'
import { isWithin, labelsOf, nameKey, parseName, ROOT } from '../../wire/name.ts'
import { TYPE } from '../../wire/types.ts'
import { PRIVATE_ZONES } from './private-names.ts'
import { parseUpstream, type Upstream } from './upstream.ts'
import { UpstreamGroup } from './upstream-group.ts'
import { APEX } from '../zone/apex.ts'
import { ZoneMap, type ZoneMatch } from './zone-map.ts'

/** The servers of each zone; undefined for a zone that is never forwarded. */
export type Routes = ZoneMap<UpstreamGroup | undefined>

/** One `--forward`: a zone and its server, or undefined to forward it nowhere. */
export interface Forwarding {
  readonly zone: string
  readonly upstream: Upstream | undefined
}

/** @throws UsageError for text that is not `ZONE=UPSTREAM`, `ZONE=` or `ZONE=-` */
export function parseForwarding(text: string): Forwarding {
  const [, zoneText, upstreamText] = /^([^=]+)=(.*)$/.exec(text) ?? []
  if (zoneText === undefined || upstreamText === undefined) throw new UsageError(`"${text.slice(0, 100)}" is not a forwarding rule`, 'it has no = between a zone and a server', 'write ZONE=IP[:PORT], or ZONE= for a zone that is never forwarded')
  const zone = parseName(zoneText)
  if (zone === ROOT) throw new UsageError(`"${text.slice(0, 100)}" is not a forwarding rule`, 'the root zone contains every name', 'set the server for all names with --upstream')
  if (isWithin(zone, APEX)) throw new UsageError(`${zone} cannot be forwarded`, `this server is authoritative for names below ${APEX}`, 'choose another zone')
  return { zone, upstream: upstreamText === '' || upstreamText === '-' ? undefined : parseUpstream(upstreamText) }
}

/**
 * The servers to query for records of a name. The DS of a zone belongs to its parent: the servers of `arpa` prove that the private
 * zones below it have none, so unsigned local answers are legitimate. A validating client needs that proof (RFC 8375 §4, item 4).
 */
export function routeFor(routes: Routes, name: string, type: number): ZoneMatch<UpstreamGroup | undefined> {
  const route = routes.longestMatch(name) ?? { zone: ROOT, value: undefined }
  const isProvenAbove = type === TYPE.DS && route.value === undefined && nameKey(name) === nameKey(route.zone) && isWithin(name, 'arpa')
  const above = isProvenAbove ? routes.longestMatch(labelsOf(name).slice(1).join('.')) : undefined
  return above?.value === undefined || above.value.members.length === 0 ? route : above
}

export function createRoutes(upstreams: readonly Upstream[], forwardings: readonly Forwarding[] = []): Routes {
  const routes: Routes = new ZoneMap()
  for (const zone of PRIVATE_ZONES) routes.set(zone, undefined)
  routes.set(ROOT, new UpstreamGroup(ROOT, upstreams))
  for (const { zone } of forwardings) {
    const servers = forwardings.filter(each => isWithin(each.zone, zone) && isWithin(zone, each.zone)).flatMap(({ upstream }) => upstream ?? [])
    routes.set(zone, servers.length === 0 ? undefined : new UpstreamGroup(zone, servers))
  }
  return routes
}
