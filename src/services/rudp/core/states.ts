/**
 * The states of a connection as one table, which the code runs: a transition that is not in it does not happen. The
 * diagram in docs/rudp.md §6 is generated from it.
 */

export const STATES = {
  /** Not opened yet, or forgotten. */
  'CLOSED': { carriesData: false, on: { connect: 'HELLO-SENT', resume: 'RESUMING', accept: 'ESTABLISHED' } },
  /** The initiator has sent HELLO and has no token yet: it may send nothing else. */
  'HELLO-SENT': { carriesData: false, on: { retry: 'TOKEN-SENT', close: 'CLOSED', over: 'CLOSED' } },
  /**
   * The initiator has sent a token from an earlier visit. Its data is accepted at once, unless RETRY rejects the token.
   */
  'RESUMING': { carriesData: true, on: { retry: 'TOKEN-SENT', welcome: 'ESTABLISHED', close: 'CLOSING', closed: 'DRAINING', over: 'CLOSED' } },
  /** The initiator has sent the token from RETRY. Its data is accepted, although the peer's id is not known yet. */
  'TOKEN-SENT': { carriesData: true, on: { welcome: 'ESTABLISHED', close: 'CLOSING', closed: 'DRAINING', over: 'CLOSED' } },
  'ESTABLISHED': { carriesData: true, on: { close: 'CLOSING', closed: 'DRAINING', over: 'CLOSED' } },
  /**
   * We closed: for three probe times, packets that arrive are answered with the same CONNECTION_CLOSE (RFC 9000
   * §10.2.1).
   */
  'CLOSING': { carriesData: false, on: { closed: 'DRAINING', over: 'CLOSED' } },
  /**
   * The peer closed: nothing is sent, but packets still in flight find a connection that knows them (RFC 9000 §10.2.2).
   */
  'DRAINING': { carriesData: false, on: { over: 'CLOSED' } },
} as const satisfies Record<string, { carriesData: boolean; on: Partial<Record<StateInput, string>> }>

export type StateName = keyof typeof STATES

/**
 * `connect`, `resume`: the user opens the connection, without or with a token. `accept`: a HELLO with a valid token
 * arrived. `retry`, `welcome`: that packet arrived. `close`: we end the connection. `closed`: the peer did. `over`:
 * given up, refused, idle, unknown to the peer, or done lingering.
 */
export type StateInput = 'connect' | 'resume' | 'accept' | 'retry' | 'welcome' | 'close' | 'closed' | 'over'

/** The next state, or undefined if the input has no meaning in this one. */
export function nextState(state: StateName, input: StateInput): StateName | undefined {
  const on: Partial<Record<StateInput, StateName>> = STATES[state].on
  return on[input]
}
