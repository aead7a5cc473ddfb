/** Finds text in the page: Enter goes to the next match, Shift+Enter to the previous one, Escape back to the page. */
import type { KeyboardEvent } from 'react'
import { Button } from '../ui/Button.tsx'
import { CloseIcon, DownIcon, UpIcon } from '../ui/icons.tsx'
import { endFinding, find, findAgain } from './page.ts'
import type { Finding } from './store.ts'

export function FindBar({ finding: { text, place, count } }: { readonly finding: Finding }) {
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Escape') endFinding()
    else if (event.key === 'Enter') findAgain(event.shiftKey ? 'previous' : 'next')
    else return
    event.preventDefault()
  }
  const isFound = count !== undefined && count > 0
  return (
    <div className="find-bar" role="search" aria-label="Find in page">
      <input
        className="field-input find-text" type="text" aria-label="Find in page" aria-describedby="find-count" placeholder="Find in page" spellCheck={false} autoComplete="off" maxLength={256}
        value={text} onChange={event => find(event.target.value)} onKeyDown={press} onFocus={event => event.target.select()}
      />
      <p id="find-count" className="find-count" role="status">{count === undefined ? '' : isFound ? `${place} of ${count}` : 'No matches'}</p>
      <Button look="quiet" isIcon aria-label="Previous match" isDisabled={!isFound} onPress={() => findAgain('previous')}><UpIcon /></Button>
      <Button look="quiet" isIcon aria-label="Next match" isDisabled={!isFound} onPress={() => findAgain('next')}><DownIcon /></Button>
      <Button look="quiet" isIcon aria-label="Close find bar" onPress={endFinding}><CloseIcon /></Button>
    </div>
  )
}
