import { expect, test } from 'vitest'
import { formatDuration, journeyTitle, stripSteps } from './steps.ts'
import { handleClientEvent, useJourney, type Journey } from './store.ts'

const lease = {
  address: '192.0.2.50', server: '192.0.2.1', dns: '192.0.2.1', dnsPort: 53, dnsAdminPort: 5354, domain: 'home',
  leaseSeconds: 3600, obtainedAtMs: 0, askedAtMs: 0, tookMs: 12.4,
}
const timed = (fromMs: number, tookMs: number) => ({ fromMs, toMs: fromMs + tookMs, tookMs })
const journey: Journey = {
  id: 1, url: 'http://my-app.home/', transport: 'rudp', status: 200, bytes: 1000,
  steps: [
    { step: 'address', ...timed(0, 12), sentence: 'Already had 192.0.2.50.', failed: false },
    { step: 'name', ...timed(100, 3.14), sentence: 'my-app.home is 192.0.2.10, registered.', failed: false },
    { step: 'connect', ...timed(104, 1.4), sentence: 'Handshake.', failed: false },
    { step: 'page', ...timed(106, 48.2), sentence: '200 OK.', failed: false },
  ],
}

test('before the first page the four steps explain themselves', () => {
  const steps = stripSteps(undefined, undefined)
  expect(steps.map(({ title, state, took }) => `${title} ${state} ${took}`)).toEqual(['Address waiting ', 'Name waiting ', 'Connect waiting ', 'Page waiting '])
  expect(steps.every(step => step.sentence !== '')).toBe(true)
})

test('a lease alone fills the first step', () => {
  expect(stripSteps(undefined, lease)[0]).toMatchObject({ state: 'done', took: '12 ms', sentence: 'Got 192.0.2.50 from 192.0.2.1 for 1 h.' })
})

test('the journey has its own address step, and its third step shows the transport', () => {
  const steps = stripSteps(journey, lease)
  expect(steps[0]?.sentence).toBe('Already had 192.0.2.50.')
  expect(steps[2]).toMatchObject({ protocol: 'RUDP', mark: '◆', took: '1.4 ms' })
  expect(stripSteps({ ...journey, transport: 'tcp' }, lease)[2]).toMatchObject({ protocol: 'TCP', mark: '■' })
})

test('a step that took place has its time span and the protocol of its packets', () => {
  expect(stripSteps(journey, lease).map(({ traced, span }) => [traced, span?.fromMs])).toEqual([['dhcp', 0], ['dns', 100], ['rudp', 104], ['rudp', 106]])
  expect(stripSteps({ ...journey, transport: 'tcp' }, lease).map(({ traced }) => traced)).toEqual(['dhcp', 'dns', 'http', 'http'])
  expect(stripSteps(undefined, { ...lease, askedAtMs: 100 }).map(({ span }) => span)).toEqual([{ fromMs: 100, toMs: 112.4 }, undefined, undefined, undefined])
})

test('the steps after a failed one are skipped', () => {
  const steps = stripSteps({ ...journey, steps: [{ step: 'name', ...timed(100, 3), sentence: 'No such name.', failed: true }] }, lease)
  expect(steps.map(step => step.state)).toEqual(['done', 'failed', 'skipped', 'skipped'])
})

test('the total time in the title leaves out the lease, which is older than the page', () => {
  expect(journeyTitle(journey)).toBe('http://my-app.home/ over RUDP, 53 ms excluding the lease')
})

test('a duration is given in the largest unit that divides it', () => {
  expect([45, 90, 120, 5400, 3600, 86_400, 172_800, 0xffffffff].map(formatDuration)).toEqual(['45 s', '90 s', '2 min', '90 min', '1 h', '1 day', '2 days', 'an unlimited time'])
})

test('an event that violates its contract is ignored', () => {
  handleClientEvent('journey', journey)
  handleClientEvent('journey', { ...journey, steps: 'many' })
  handleClientEvent('leased', { address: 7 })
  expect(useJourney.getState()).toEqual({ journey, lease: undefined })
})
