/** Explains why a page did not load. The codes are Chromium's, from net_error_list.h. */
import type { ErrorParts } from '../../services/kit/errors.ts'

/** The load was stopped, or replaced by another one: not a failure. */
export const ABORTED = -3

export function loadFailure(code: number, name: string, url: string): ErrorParts {
  return { ...explain(code, url), proof: `${name === '' ? 'no name' : name} (${code}) at ${url}` }
}

function explain(code: number, url: string): ErrorParts {
  const host = hostOf(url)
  switch (code) {
    case -130: case -120: case -121: case -336: return {
      ...clientOff(url), why: 'the client, which fetches pages for this browser, does not answer', remedy: 'switch the client off and on again',
    }
    case -105: case -137: return {
      code: 'name-unknown', what: `“${host}” was not found`, why: 'no DNS server knows this name',
      remedy: 'check the spelling, or register the name in the DNS panel',
    }
    case -102: return {
      code: 'connection-refused', what: `${host} refused the connection`, why: 'nothing is listening on that address and port', remedy: 'check that the App server is running',
    }
    // The proxy gives its reason in its response to CONNECT, which Chromium does not show.
    case -111: return { ...noHttps(host), why: 'no https server answers there, or the client has no route to it' }
    case -107: return { ...noHttps(host), why: 'the server there does not speak https' }
    case -310: return {
      code: 'refused', what: `${host} redirects in a loop`, why: 'every answer was a redirect to another address', remedy: 'open another page of this site',
    }
    case -301: case -302: case -311: return {
      code: 'refused', what: `${host} redirects to a forbidden address`, why: 'pages may redirect only to http, https and rudp addresses', remedy: 'open another page of this site',
    }
    case -312: return {
      code: 'refused', what: `${host} was not opened`, why: 'browsers block this port, because it belongs to a service that is not a web server', remedy: 'run the server on another port, such as 8080',
    }
    case -7: case -118: return {
      code: 'timed-out', what: `${host} did not answer`, why: 'no answer came in time',
      remedy: 'try again, or see in the journey below which step was slow',
    }
    case -100: case -101: case -103: case -324: case -354: case -355: return {
      code: 'connection-lost', what: `The connection to ${host} was lost`, why: 'it ended before the whole page had arrived', remedy: 'try again',
    }
    case -106: case -109: return {
      code: 'upstream-unreachable', what: `${host} cannot be reached`, why: 'this computer has no route to it',
      remedy: 'check the network; names registered in Hamlet work without internet',
    }
    default: return {
      code: 'connection-lost', what: `${host} could not be shown`, why: certificateReason(code) ?? 'the browser reported an error that Hamlet cannot explain',
      remedy: 'try again, or see the details',
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
    code: 'connection-lost', what: 'The page crashed', why: `the process that showed ${hostOf(url)} ended unexpectedly`, done: 'all services are still running',
    remedy: 'reload the page',
  }
}

export function pageClosed(url: string): ErrorParts {
  return {
    code: 'connection-lost', what: 'The page closed itself', why: `a script of ${hostOf(url)} closed it`, done: 'all services are still running', remedy: 'reload the page, or open another one',
  }
}

function certificateReason(code: number): string | undefined {
  return code <= -200 && code > -300 ? 'its certificate is not trusted' : undefined
}

function hostOf(url: string): string {
  try {
    return new URL(url).host
  } catch {
    return 'The page'
  }
}
