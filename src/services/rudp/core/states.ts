/**
 * The states of a connection as one table, which the code runs: what is not in it does not happen. They are TCP's
 * (RFC 9293 §3.3.2) without LISTEN, which is the endpoint's matter.
 *
 *     CLOSED ─connect─▶ SYN-SENT ─────────syn-ack─┐                     ┌─▶ FIN-WAIT-1 ─fin-acked─▶ FIN-WAIT-2 ─fin─┐
 *       │                                         ▼             shutdown       │                                    ▼
 *       └─────syn─────▶ SYN-RECEIVED ─proven─▶ ESTABLISHED ─────────────┘      └─fin─▶ CLOSING ─fin-acked─▶ TIME-WAIT ─▶ CLOSED
 *                                                 └─fin─▶ CLOSE-WAIT ─shutdown─▶ LAST-ACK ─fin-acked─▶ CLOSED
 */

export const STATES = {
  'CLOSED': { carriesData: false, on: { connect: 'SYN-SENT', syn: 'SYN-RECEIVED' } },
  'SYN-SENT': { carriesData: false, on: { 'syn-ack': 'ESTABLISHED', over: 'CLOSED' } },
  'SYN-RECEIVED': { carriesData: false, on: { proven: 'ESTABLISHED', over: 'CLOSED' } },
  'ESTABLISHED': { carriesData: true, on: { shutdown: 'FIN-WAIT-1', fin: 'CLOSE-WAIT', over: 'CLOSED' } },
  'FIN-WAIT-1': { carriesData: true, on: { 'fin-acked': 'FIN-WAIT-2', fin: 'CLOSING', over: 'CLOSED' } },
  'FIN-WAIT-2': { carriesData: true, on: { fin: 'TIME-WAIT', over: 'CLOSED' } },
  'CLOSING': { carriesData: true, on: { 'fin-acked': 'TIME-WAIT', over: 'CLOSED' } },
  'TIME-WAIT': { carriesData: false, on: { over: 'CLOSED' } },
  'CLOSE-WAIT': { carriesData: true, on: { shutdown: 'LAST-ACK', over: 'CLOSED' } },
  'LAST-ACK': { carriesData: true, on: { 'fin-acked': 'CLOSED', over: 'CLOSED' } },
} as const satisfies Record<string, { carriesData: boolean; on: Partial<Record<StateInput, string>> }>

export type StateName = keyof typeof STATES

/**
 * `proven`: a packet showed that the peer got our half of the connection id. `fin`: every byte of the peer and its end arrived.
 * `fin-acked`: ours did. `over`: reset, gave up, or waited long enough.
 */
export type StateInput = 'connect' | 'syn' | 'syn-ack' | 'proven' | 'shutdown' | 'fin' | 'fin-acked' | 'over'

/** The state that follows, or undefined where the input means nothing in this one. */
export function nextState(state: StateName, input: StateInput): StateName | undefined {
  const on: Partial<Record<StateInput, StateName>> = STATES[state].on
  return on[input]
}
