/** The congestion controllers by name, for settings and for the window. */
import { bbr } from './bbr.ts'
import type { CongestionFactory, CongestionName } from './congestion.ts'
import { cubic } from './cubic.ts'
import { reno } from './reno.ts'
import { tahoe } from './tahoe.ts'

export const CONTROLLERS: Readonly<Record<CongestionName, CongestionFactory>> = { tahoe, reno, cubic, bbr }
/** The one that fills a lossy link best and keeps queues short: docs/decisions/congestion-control.md. */
export const DEFAULT_CONGESTION: CongestionName = 'bbr'
