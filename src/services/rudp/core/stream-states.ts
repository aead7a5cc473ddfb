/**
 * The states of the two halves of a stream (RFC 9000 §3.1 and §3.2), as tables that the code runs. The diagrams in
 * docs/rudp.md §7 are generated from them.
 */

/**
 * The sending half. `end`: the user will write no more. `acked`: every byte and the end have arrived. `reset`: we
 * abort.
 */
export const SEND_STATES = {
  'SEND': { end: 'DATA-SENT', reset: 'RESET-SENT' },
  'DATA-SENT': { acked: 'DATA-RECVD', reset: 'RESET-SENT' },
  'DATA-RECVD': {},
  'RESET-SENT': { acked: 'RESET-RECVD' },
  'RESET-RECVD': {},
} as const satisfies Record<string, Partial<Record<SendInput, string>>>
export type SendState = keyof typeof SEND_STATES
export type SendInput = 'end' | 'acked' | 'reset'

/**
 * The receiving half. `fin`: the final size is known. `all`: every byte has arrived. `read`: the user has read
 * everything. `reset`: the peer aborted.
 */
export const RECEIVE_STATES = {
  'RECV': { fin: 'SIZE-KNOWN', reset: 'RESET-RECVD' },
  'SIZE-KNOWN': { all: 'DATA-RECVD', reset: 'RESET-RECVD' },
  'DATA-RECVD': { read: 'DATA-READ' },
  'DATA-READ': {},
  'RESET-RECVD': { read: 'RESET-READ' },
  'RESET-READ': {},
} as const satisfies Record<string, Partial<Record<ReceiveInput, string>>>
export type ReceiveState = keyof typeof RECEIVE_STATES
export type ReceiveInput = 'fin' | 'all' | 'read' | 'reset'

/** The next state; unchanged if the input has no meaning in this one. */
export function nextSendState(state: SendState, input: SendInput): SendState {
  const on: Partial<Record<SendInput, SendState>> = SEND_STATES[state]
  return on[input] ?? state
}

/** The next state; unchanged if the input has no meaning in this one. */
export function nextReceiveState(state: ReceiveState, input: ReceiveInput): ReceiveState {
  const on: Partial<Record<ReceiveInput, ReceiveState>> = RECEIVE_STATES[state]
  return on[input] ?? state
}
