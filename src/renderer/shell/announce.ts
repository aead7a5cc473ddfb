/** One spoken summary of what changed, at most every five seconds: never a word per packet. */
import { useEffect, useRef, useState } from 'react'
import type { ServiceStatus } from '../../preload/contract.ts'
import { SERVICE_IDS, type ServiceId } from '../../services/contracts.ts'
import { houses } from './village.ts'

const QUIET_MS = 5000

export type States = Readonly<Record<ServiceId, ServiceStatus['state']>>

/** The page that is shown, and how many have come so far: the same one may come again. */
export interface Page {
  readonly url: string
  readonly count: number
}

export interface News {
  readonly states: States
  readonly page: Page
}

/** "DNS is running. DHCP failed. http://my-app.home/ has come." Only what differs, and nothing of states that pass by themselves. */
export function changesInWords(before: News, after: News): string {
  const services = SERVICE_IDS.filter(id => before.states[id] !== after.states[id]).flatMap(id => {
    const words = spoken[after.states[id]]
    return words === undefined ? [] : [`${houses[id].term} ${words}.`]
  })
  return [...services, ...before.page.count === after.page.count ? [] : [`${after.page.url} has come.`]].join(' ')
}

const spoken: Readonly<Record<ServiceStatus['state'], string | undefined>> = {
  stopped: 'is off', starting: undefined, running: 'is running', degraded: 'is running with a fault', stopping: undefined, failed: 'failed',
}

/** The text of a polite live region. */
export function useAnnouncement(news: News): string {
  const [text, setText] = useState('')
  const told = useRef({ news, atMs: 0 })
  const latest = useRef(news)
  const timer = useRef<number | undefined>(undefined)
  useEffect(() => {
    latest.current = news
    if (timer.current !== undefined) return
    timer.current = window.setTimeout(() => {
      timer.current = undefined
      const words = changesInWords(told.current.news, latest.current)
      told.current = { news: latest.current, atMs: Date.now() }
      // The same words again are spoken only where they are not quite the same.
      if (words !== '') setText(before => before === words ? `${words}\u00a0` : words)
    }, Math.max(500, told.current.atMs + QUIET_MS - Date.now()))
  }, [news])
  return text
}
