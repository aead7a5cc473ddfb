/** Request header that marks the lamps' own requests, so that neither the gateway nor the server of the same machine shows them among its visitors'. */
export const PROBE_HEADER = 'x-hamlet-probe'
