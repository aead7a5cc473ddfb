/** One spoken summary of what changed, at most every five seconds: never a word per packet. */
import { useEffect, useRef, useState } from 'react'
import type { ServiceStatus } from '../../preload/contract.ts'
import { SERVICE_IDS, type ServiceId } from '../../services/contracts.ts'
import { houses } from './village.ts'

const QUIET_MS = 5000

export type States = Readonly<Record<ServiceId, ServiceStatus['state']>>

/** "DNS is running. DHCP failed." Only what differs, and nothing of states that pass by themselves. */
export function changesInWords(before: States, after: States): string {
  return SERVICE_IDS.filter(id => before[id] !== after[id]).flatMap(id => {
    const words = spoken[after[id]]
    return words === undefined ? [] : [`${houses[id].term} ${words}.`]
  }).join(' ')
}

const spoken: Readonly<Record<ServiceStatus['state'], string | undefined>> = {
  stopped: 'is off', starting: undefined, running: 'is running', degraded: 'is running with a fault', stopping: undefined, failed: 'failed',
}

/** The text of a polite live region. */
export function useAnnouncement(states: States): string {
  const [text, setText] = useState('')
  const told = useRef({ states, atMs: 0 })
  const latest = useRef(states)
  const timer = useRef<number | undefined>(undefined)
  useEffect(() => {
    latest.current = states
    if (timer.current !== undefined) return
    timer.current = window.setTimeout(() => {
      timer.current = undefined
      const words = changesInWords(told.current.states, latest.current)
      told.current = { states: latest.current, atMs: Date.now() }
      if (words !== '') setText(words)
    }, Math.max(500, told.current.atMs + QUIET_MS - Date.now()))
  }, [states])
  return text
}
