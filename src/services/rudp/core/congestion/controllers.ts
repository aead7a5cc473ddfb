/** The controllers by name: what a setting or a window chooses from. */
import { bbr } from './bbr.ts'
import type { CongestionFactory, CongestionName } from './congestion.ts'
import { cubic } from './cubic.ts'
import { reno } from './reno.ts'
import { tahoe } from './tahoe.ts'

export const CONTROLLERS: Readonly<Record<CongestionName, CongestionFactory>> = { tahoe, reno, cubic, bbr }
/** What fills a lossy link best and leaves queues short: docs/decisions/congestion-control.md. */
export const DEFAULT_CONGESTION: CongestionName = 'bbr'
