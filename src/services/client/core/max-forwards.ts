/** Max-Forwards (RFC 9110 §7.6.2): how many proxies OPTIONS and TRACE may still pass. With other methods the field means nothing. */
import type { HeaderField } from './headers.ts'

const LIMITED_METHODS: readonly string[] = ['OPTIONS', 'TRACE']

/** Whether the request ends at this proxy, which has to answer it. */
export function endsHere(method: string, maxForwards: string | undefined): boolean {
  return LIMITED_METHODS.includes(method) && /^0+$/.test(maxForwards ?? '')
}

/** The fields of the request for the next one on its way. */
export function withOneHopLess(method: string, fields: readonly HeaderField[]): readonly HeaderField[] {
  if (!LIMITED_METHODS.includes(method)) return fields
  return fields.map(([name, values]) => [name, name.toLowerCase() === 'max-forwards' ? values.map(oneLess) : values])
}

/** What is no number is not ours to judge. */
function oneLess(hops: string): string {
  return /^\d{1,15}$/.test(hops) ? String(Math.max(0, Number(hops) - 1)) : hops
}
