/**
 * The states of a connection as one table, which the code runs: what is not in it does not happen. The figure in docs/rudp.md §6
 * is drawn from it.
 */

export const STATES = {
  /** Nothing is known of the connection, or nothing any more. */
  'CLOSED': { carriesData: false, on: { connect: 'HELLO-SENT', resume: 'RESUMING', accept: 'ESTABLISHED' } },
  /** The initiator asked, and has no token yet: it may send nothing else. */
  'HELLO-SENT': { carriesData: false, on: { retry: 'TOKEN-SENT', close: 'CLOSED', over: 'CLOSED' } },
  /** It has shown a token of an earlier visit: what it sends is taken at once, unless the token is refused by RETRY. */
  'RESUMING': { carriesData: true, on: { retry: 'TOKEN-SENT', welcome: 'ESTABLISHED', close: 'CLOSING', closed: 'DRAINING', over: 'CLOSED' } },
  /** It has shown the token that RETRY gave: what it sends is taken, though the peer's id is not known yet. */
  'TOKEN-SENT': { carriesData: true, on: { welcome: 'ESTABLISHED', close: 'CLOSING', closed: 'DRAINING', over: 'CLOSED' } },
  'ESTABLISHED': { carriesData: true, on: { close: 'CLOSING', closed: 'DRAINING', over: 'CLOSED' } },
  /** We closed: what comes is answered by the same CONNECTION_CLOSE, for three probe times (RFC 9000 §10.2.1). */
  'CLOSING': { carriesData: false, on: { closed: 'DRAINING', over: 'CLOSED' } },
  /** The peer closed: nothing is sent, and what is still on the way meets an end that knows it (RFC 9000 §10.2.2). */
  'DRAINING': { carriesData: false, on: { over: 'CLOSED' } },
} as const satisfies Record<string, { carriesData: boolean; on: Partial<Record<StateInput, string>> }>

export type StateName = keyof typeof STATES

/**
 * `connect`, `resume`: the user asks, without and with a token. `accept`: a HELLO with a good token came. `retry`, `welcome`: these
 * packets came. `close`: we end it. `closed`: the peer did. `over`: gave up, idle, unknown to the peer, or waited long enough.
 */
export type StateInput = 'connect' | 'resume' | 'accept' | 'retry' | 'welcome' | 'close' | 'closed' | 'over'

/** The state that follows, or undefined where the input means nothing in this one. */
export function nextState(state: StateName, input: StateInput): StateName | undefined {
  const on: Partial<Record<StateInput, StateName>> = STATES[state].on
  return on[input]
}
