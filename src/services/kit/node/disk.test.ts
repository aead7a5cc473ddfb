import { expect, test } from 'vitest'
import { diskError } from './disk.ts'

test.each([
  { code: 'ENOSPC', why: 'the disk is full', remedy: /^free space or check the disk/ },
  { code: 'EACCES', why: 'this user lacks permission', remedy: /^give this user permission/ },
  { code: 'EROFS', why: 'the disk is read-only', remedy: /^choose another folder$/ },
  { code: 'EWHATEVER', why: 'EWHATEVER: strange', remedy: /^free space or check the disk/ },
])('the error for $code says what to do about it', ({ code, why, remedy }) => {
  const error = diskError(Object.assign(new Error(`${code}: strange`), { code }), '/data/mac', 'mac could not be stored')
  expect(error.parts).toEqual({ code: 'disk-failed', what: 'mac could not be stored', why, remedy: expect.stringMatching(remedy), proof: `${code} /data/mac` })
})
