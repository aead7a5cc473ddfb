/** Why a page did not load, in Hamlet's words. Numbers: Chromium's net_error_list.h. */
import type { ErrorParts } from '../../services/kit/errors.ts'

/** A load that was replaced by another one, or stopped: nothing to tell. */
export const ABORTED = -3

export function loadFailure(number: number, name: string, url: string): ErrorParts {
  return { ...wordsOf(number, url), proof: `${name === '' ? 'no name' : name} (${number}) at ${url}` }
}

function wordsOf(number: number, url: string): ErrorParts {
  const host = hostOf(url)
  switch (number) {
    case -130: case -120: case -121: case -336: return {
      ...clientOff(url), why: 'the client, which fetches pages for this browser, does not answer', remedy: 'switch the client off and on again',
    }
    case -105: case -137: return {
      code: 'name-unknown', what: `“${host}” was not found`, why: 'no DNS server knows this name',
      remedy: 'check the spelling, or register the name in the DNS panel',
    }
    case -102: return {
      code: 'connection-refused', what: `${host} refused the connection`, why: 'nothing listens at that address and port', remedy: 'check that the App server runs',
    }
    // The proxy's own reason stays in the answer to CONNECT, which Chromium does not show.
    case -111: return { ...noHttps(host), why: 'nothing speaks https there, or the client does not know the way' }
    case -107: return { ...noHttps(host), why: 'what answers there speaks no https' }
    case -310: return {
      code: 'refused', what: `${host} leads in a circle`, why: 'each answer named another address, without an end', remedy: 'open another page there',
    }
    case -301: case -302: case -311: return {
      code: 'refused', what: `${host} leads to an address that is not opened`, why: 'a page may lead to http, https and rudp addresses only', remedy: 'open another page there',
    }
    case -312: return {
      code: 'refused', what: `${host} was not asked`, why: 'browsers open no pages at this port: programs that are no web servers listen there, and a page could talk to them', remedy: 'let the server listen on another port, such as 8080',
    }
    case -7: case -118: return {
      code: 'timed-out', what: `${host} did not answer`, why: 'the time for an answer has passed',
      remedy: 'try again, or look at the journey below: it shows the step that was slow',
    }
    case -100: case -101: case -103: case -324: case -354: case -355: return {
      code: 'connection-lost', what: `The connection to ${host} broke`, why: 'it ended before the whole page had arrived', remedy: 'try again',
    }
    case -106: case -109: return {
      code: 'upstream-unreachable', what: `${host} cannot be reached`, why: 'this computer has no way to it',
      remedy: 'check the network; names of your own village work without internet',
    }
    default: return {
      code: 'connection-lost', what: `${host} could not be shown`, why: certificateReason(number) ?? 'the browser reported a fault that Hamlet has no own words for',
      remedy: 'try again, or read the proof',
    }
  }
}

const noHttps = (host: string) => ({ code: 'connection-refused', what: `${host} cannot be reached by https`, remedy: `try http://${host}/` }) as const

export function clientOff(url: string): ErrorParts {
  return {
    code: 'service-not-running', what: `${hostOf(url)} cannot be opened yet`, why: 'the client, which fetches pages for this browser, is off',
    remedy: 'start everything',
  }
}

export function pageCrashed(url: string): ErrorParts {
  return {
    code: 'connection-lost', what: 'The page ended unexpectedly', why: `the process that showed ${hostOf(url)} is gone`, done: 'all services run on',
    remedy: 'load the page again',
  }
}

export function pageClosed(url: string): ErrorParts {
  return {
    code: 'connection-lost', what: 'The page closed itself', why: `a script of ${hostOf(url)} asked for that`, done: 'all services run on', remedy: 'load the page again, or open another one',
  }
}

function certificateReason(number: number): string | undefined {
  return number <= -200 && number > -300 ? 'its certificate is not trusted' : undefined
}

function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return 'The page'
  }
}
