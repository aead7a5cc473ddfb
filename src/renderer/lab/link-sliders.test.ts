import { expect, test } from 'vitest'
import { formatLink, parseLink, PERFECT_SETTING } from '../../services/kit/link-text.ts'
import { mainSliders, moreSliders, moved, placeOf, textOf } from './link-sliders.ts'

const sliders = [...mainSliders, ...moreSliders]
const slider = (term: string) => sliders.find(one => one.term === term) ?? expect.unreachable(`there is a slider for ${term}`)

test('moving a slider to a stop sets that value, and the slider stays there', () => {
  for (const one of sliders) {
    for (const place of one.stops.keys()) {
      const setting = moved(one, place, parseLink('loss=1%'))
      expect([one.term, placeOf(one, setting)]).toEqual([one.term, place])
      expect(parseLink(formatLink(setting))).toEqual(setting)
    }
  }
})

test('moving a first slider also sets Ethernet\'s MTU; later ones leave the MTU alone', () => {
  const first = moved(slider('loss'), 8, PERFECT_SETTING)
  expect(formatLink(first)).toBe('loss=10% overhead=28 mtu=1500')
  const any = moved(slider('mtu'), 4, first)
  expect(formatLink(moved(slider('delay'), 4, any))).toBe('delay=10ms loss=10% overhead=28')
})

test('a value between two stops is shown exactly, with the slider at the nearest stop', () => {
  const setting = parseLink('delay=47ms rate=3.7mbit')
  expect([textOf(slider('delay'), setting), slider('delay').stops[placeOf(slider('delay'), setting)]]).toEqual(['47 ms', 50])
  expect([textOf(slider('rate'), setting), slider('rate').stops[placeOf(slider('rate'), setting)]]).toEqual(['3.7 Mbit/s', 4e6])
  expect(textOf(slider('rate'), PERFECT_SETTING)).toBe('unlimited')
})
