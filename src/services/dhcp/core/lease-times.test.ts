import { expect, test } from 'vitest'
import { checkTimes } from './lease-times.ts'
import { parseOptionSettings } from './option-settings.ts'

test.each([
  { texts: ['58=100', '59=100'], refused: '58=100' },
  { texts: ['58=600'], refused: '58=600' },
  { texts: ['59=600'], refused: '59=600' },
  { texts: ['58=299', '59=300'], refused: undefined },
  { texts: ['58=525'], refused: '58=525' },
  { texts: ['58=524'], refused: undefined },
])('$texts with a lease of 600 s: $refused is rejected', ({ texts, refused }) => {
  const check = () => checkTimes(600, parseOptionSettings(texts))
  if (refused === undefined) expect(check).not.toThrow()
  else expect(check).toThrow(`--option cannot be ${refused}:`)
})
