/** A connection as a row of the table that a person reads. */
import { formatBytes, formatMs } from '../../../kit/amounts.ts'
import { formatEndpoint } from '../../../kit/endpoint.ts'
import { nameLink, type LinkSetting } from '../../../kit/link-text.ts'
import type { Connection } from '../connection.ts'
import type { ConnectionRow } from './commands.ts'

/** @param link what is done to the connection's datagrams at this end */
export function formatConnectionRow(connection: Pick<Connection, 'metrics' | 'path' | 'state'>, link: LinkSetting): ConnectionRow {
  const { congestion, phase, windowBytes, ssthreshBytes, flightBytes, rttMs, sent, lost, retransmitted } = connection.metrics()
  return {
    peer: formatEndpoint(connection.path.peer), state: connection.state, congestion, phase, window_size: formatBytes(windowBytes),
    ssthresh: ssthreshBytes === Infinity ? 'none yet' : formatBytes(ssthreshBytes), in_flight: formatBytes(flightBytes), rtt: rttMs === 0 ? 'unknown' : formatMs(rttMs),
    sent: String(sent), lost: String(lost), resent: String(retransmitted), link: nameLink(link),
  }
}
