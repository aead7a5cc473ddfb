/** Announces changes to screen readers: one summary, at most every five seconds, and never one per packet. */
import { useEffect, useRef, useState } from 'react'
import type { ServiceStatus } from '../../preload/contract.ts'
import { SERVICE_IDS, type ServiceId } from '../../services/contracts.ts'
import { serviceLabels } from './service-labels.ts'

const QUIET_MS = 5000

export type States = Readonly<Record<ServiceId, ServiceStatus['state']>>

/** The page that loaded last, and how many have loaded: the count shows that the same page loaded again. */
export interface Page {
  readonly url: string
  readonly count: number
}

export interface News {
  readonly states: States
  readonly page: Page
}

/** "DNS is running. DHCP failed. http://my-app.home/ loaded." Only what differs, and no transitional states. */
export function changesInWords(before: News, after: News): string {
  const services = SERVICE_IDS.filter(id => before.states[id] !== after.states[id]).flatMap(id => {
    const words = spoken[after.states[id]]
    return words === undefined ? [] : [`${serviceLabels[id].term} ${words}.`]
  })
  return [...services, ...before.page.count === after.page.count ? [] : [`${after.page.url} loaded.`]].join(' ')
}

const spoken: Readonly<Record<ServiceStatus['state'], string | undefined>> = {
  stopped: 'is off', starting: undefined, running: 'is running', degraded: 'is running with a problem', stopping: undefined, failed: 'failed',
}

/** The text of a polite live region. */
export function useAnnouncement(news: News): string {
  const [text, setText] = useState('')
  const announced = useRef({ news, atMs: 0 })
  const latest = useRef(news)
  const timer = useRef<number | undefined>(undefined)
  useEffect(() => {
    latest.current = news
    if (timer.current !== undefined) return
    timer.current = window.setTimeout(() => {
      timer.current = undefined
      const words = changesInWords(announced.current.news, latest.current)
      announced.current = { news: latest.current, atMs: Date.now() }
      // A live region that does not change is not announced again, so a repeated text alternates with a trailing space.
      if (words !== '') setText(before => before === words ? `${words}\u00a0` : words)
    }, Math.max(500, announced.current.atMs + QUIET_MS - Date.now()))
  }, [news])
  return text
}
