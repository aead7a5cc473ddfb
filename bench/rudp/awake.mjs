/**
 * Keeps the processors from sleeping: on each a loop of a priority below all others, so that whatever else wants to run takes its place at
 * once. A processor that sleeps is woken for each packet, a virtual one by its host: what that takes of a page is the difference
 * (docs/decisions/awake-processors.md).
 */
import { availableParallelism } from 'node:os'

/** @returns the loops, to be stopped */
export function keepAwake(rig) {
  return Array.from({ length: availableParallelism() }, () => rig.start(['chrt', '--idle', '0', 'sh', '-c', 'while :; do :; done']))
}
