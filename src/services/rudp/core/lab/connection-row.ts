/** A connection as a row of the table that the user sees. */
import { formatBytes, formatMs } from '../../../kit/amounts.ts'
import { formatEndpoint } from '../../../kit/endpoint.ts'
import type { LinkCounts } from '../../../kit/link.ts'
import { nameLink, type LinkSetting } from '../../../kit/link-text.ts'
import type { Connection } from '../connection.ts'
import type { ConnectionRow } from './commands.ts'

/**
 * @param link the conditions applied to the datagrams of the connection at this end
 * @param counts what they did; undefined if nothing yet
 */
export function formatConnectionRow(
  connection: Pick<Connection, 'metrics' | 'path' | 'state'>, link: LinkSetting, counts: { readonly out: LinkCounts; readonly in: LinkCounts } | undefined,
): ConnectionRow {
  const { congestion, phase, windowBytes, ssthreshBytes, flightBytes, rttMs, sent, lost, retransmitted } = connection.metrics()
  return {
    peer: formatEndpoint(connection.path.peer), state: connection.state, congestion, phase, window_size: formatBytes(windowBytes),
    ssthresh: ssthreshBytes === Infinity ? 'none yet' : formatBytes(ssthreshBytes), in_flight: formatBytes(flightBytes), rtt: rttMs === 0 ? 'unknown' : formatMs(rttMs),
    sent: String(sent), lost: String(lost), resent: String(retransmitted), link: nameLink(link),
    lost_by_link: counts === undefined ? '' : `${takenBy(counts.out)} out, ${takenBy(counts.in)} in`,
  }
}

function takenBy({ lost, dropped, corrupted }: LinkCounts): number {
  return lost + dropped + corrupted
}
