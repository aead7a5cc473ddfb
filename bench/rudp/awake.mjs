/**
 * Keeps the processors from sleeping: each runs a loop of the lowest priority, which gives way at once to anything else. A sleeping
 * processor has to be woken for each packet, a virtual one by its host; the difference shows how much of a page's time that takes
 * (docs/decisions/awake-processors.md).
 */
import { availableParallelism } from 'node:os'

/** @returns the running loops; the caller stops them */
export function keepAwake(rig) {
  return Array.from({ length: availableParallelism() }, () => rig.start(['chrt', '--idle', '0', 'sh', '-c', 'while :; do :; done']))
}
