/** The page's only connection to the main process: `window.hamlet`, exposed by the preload script. */
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

/** The error of a reply, returned or thrown; undefined on success. */
export async function errorOf(answer: Promise<{ error?: ErrorParts | undefined }>): Promise<ErrorParts | undefined> {
  try {
    return (await answer).error
  } catch (thrown) {
    return partsOf(thrown)
  }
}
