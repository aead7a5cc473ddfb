/** Max-Forwards (RFC 9110 §7.6.2): how many more proxies may forward OPTIONS or TRACE. Other methods ignore it. */
import type { HeaderField } from './headers.ts'

const LIMITED_METHODS: readonly string[] = ['OPTIONS', 'TRACE']

/** Whether the request ends at this proxy, which must answer it as the final recipient. */
export function isFinalRecipient(method: string, maxForwards: string | undefined): boolean {
  return LIMITED_METHODS.includes(method) && /^0+$/.test(maxForwards ?? '')
}

/** The fields of the request for the next hop. */
export function decrementMaxForwards(method: string, fields: readonly HeaderField[]): readonly HeaderField[] {
  if (!LIMITED_METHODS.includes(method)) return fields
  return fields.map(([name, values]) => [name, name.toLowerCase() === 'max-forwards' ? values.map(oneLess) : values])
}

/** A value that is not a number is forwarded as it is. */
function oneLess(hops: string): string {
  return /^\d{1,15}$/.test(hops) ? String(Math.max(0, Number(hops) - 1)) : hops
}
