/** Back, forward, reload, the address and the transport that fetches it. */
import { useEffect, useRef, useState, type FormEvent } from 'react'
import type { Transport } from '../../services/client/contract.ts'
import { Button } from '../ui/Button.tsx'
import { BackIcon, CloseIcon, ForwardIcon, ReloadIcon } from '../ui/icons.tsx'
import { Segmented, type Segment } from '../ui/Segmented.tsx'
import { chooseTransport, focusPage, goBack, goForward, openTyped, reloadOrStop } from './page.ts'
import { useBrowser } from './store.ts'

const transports: readonly Segment<Transport>[] = [{ value: 'tcp', label: 'TCP', mark: '■' }, { value: 'rudp', label: 'RUDP', mark: '◆' }]

export function AddressBar() {
  const { url, transport, isLoading, canGoBack, canGoForward } = useBrowser()
  /** What the user is typing; undefined: the bar shows the page's address. */
  const [typed, setTyped] = useState<string>()
  const [refusal, setRefusal] = useState<string>()
  const input = useRef<HTMLInputElement>(null)
  const showUrl = () => {
    setTyped(undefined)
    setRefusal(undefined)
  }
  useEffect(() => {
    // A page that navigates must not discard what the user is typing.
    if (document.activeElement !== input.current) showUrl()
  }, [url])

  const submit = (event: FormEvent) => {
    event.preventDefault()
    const sentence = openTyped(typed ?? url)
    if (sentence !== undefined) return setRefusal(sentence)
    showUrl()
    focusPage()
  }
  return (
    <div className="address-bar">
      <Button look="quiet" isIcon aria-label="Back" isDisabled={!canGoBack} onPress={goBack}><BackIcon /></Button>
      <Button look="quiet" isIcon aria-label="Forward" isDisabled={!canGoForward} onPress={goForward}><ForwardIcon /></Button>
      <Button look="quiet" isIcon aria-label={isLoading ? 'Stop loading' : 'Reload'} isDisabled={url === ''} onPress={reloadOrStop}>
        {isLoading ? <CloseIcon /> : <ReloadIcon />}
      </Button>
      <form className="address-form" onSubmit={submit}>
        <input
          ref={input} className="address" type="text" aria-label="Address" placeholder="my-app.home"
          spellCheck={false} autoComplete="off" inputMode="url" maxLength={4096}
          value={typed ?? url} aria-invalid={refusal !== undefined} aria-describedby="address-refusal"
          onChange={event => setTyped(event.target.value)} onFocus={event => event.target.select()}
          onKeyDown={event => { if (event.key === 'Escape') showUrl() }}
        />
        <p id="address-refusal" className="address-refusal" role="status">{refusal}</p>
      </form>
      <Segmented label="Transport" segments={transports} value={transport} onChange={chosen => { void chooseTransport(chosen) }} />
    </div>
  )
}
