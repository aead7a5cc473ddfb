/** The request header that marks the lamps' own requests, so that the gateway and the server of this machine do not show them among their visitors'. */
export const PROBE_HEADER = 'x-hamlet-probe'
