/** The last journey and the client's current lease, from the client's events. */
import { create } from 'zustand'
import type { z } from 'zod'
import { client, type LearnedLease } from '../../services/client/contract.ts'

export type Journey = z.output<typeof client.events.journey>

export interface JourneyState {
  readonly journey: Journey | undefined
  readonly lease: LearnedLease | undefined
}

export const useJourney = create<JourneyState>(() => ({ journey: undefined, lease: undefined }))

export function handleClientEvent(name: string, data: unknown): void {
  if (name === 'journey') {
    const parsed = client.events.journey.safeParse(data)
    if (parsed.success) useJourney.setState({ journey: parsed.data })
  } else if (name === 'leased') {
    const parsed = client.events.leased.safeParse(data)
    if (parsed.success) useJourney.setState({ lease: parsed.data })
  }
}
