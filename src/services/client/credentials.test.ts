import { expect, test } from 'vitest'
import { seededRandom } from '../kit/random.ts'
import { authorizationCheck, basicAuthorization, drawPassword } from './credentials.ts'

test('only the exact credentials are accepted', () => {
  const isAuthorized = authorizationCheck({ user: 'hamlet', password: 'a:b c' })
  expect(isAuthorized(basicAuthorization({ user: 'hamlet', password: 'a:b c' }))).toBe(true)
  expect(isAuthorized('basic  aGFtbGV0OmE6YiBj')).toBe(true)
  for (const wrong of [undefined, '', 'Basic', 'Basic ', 'Bearer aGFtbGV0OmE6YiBj', 'Basic aGFtbGV0OmE6YiB', 'Basic aGFtbGV0OmE6YiBj, x']) expect(isAuthorized(wrong), wrong).toBe(false)
})

test('a password is 128 bits in hexadecimal digits, and different each time', () => {
  const random = seededRandom(7)
  const drawn = Array.from({ length: 50 }, () => drawPassword(random))
  expect(drawn.every(password => /^[0-9a-f]{32}$/.test(password))).toBe(true)
  expect(new Set(drawn).size).toBe(50)
})
