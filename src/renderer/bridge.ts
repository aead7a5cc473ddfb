/** The window's only way out: what the preload script put on `window.hamlet`. */
import type { Bridge } from '../preload/contract.ts'
import { partsOf, type ErrorParts } from '../services/kit/errors.ts'

declare global {
  interface Window {
    readonly hamlet: Bridge
  }
}

export function bridge(): Bridge {
  return window.hamlet
}

/** The error of an answer, be it told or thrown; undefined where all went well. */
export async function errorOf(answer: Promise<{ error?: ErrorParts | undefined }>): Promise<ErrorParts | undefined> {
  try {
    return (await answer).error
  } catch (thrown) {
    return partsOf(thrown)
  }
}
