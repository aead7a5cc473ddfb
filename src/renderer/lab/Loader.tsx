/** Creates traffic to watch: loads a page of the chosen size on a new connection. */
import { useState } from 'react'
import { Button } from '../ui/Button.tsx'
import { Segmented, type Segment } from '../ui/Segmented.tsx'
import { load, stopLoads } from './actions.ts'
import { loadSentence } from './sentences.ts'
import { useLab } from './store.ts'

/** In bytes. The smallest is that of a page, whose connection is short enough to follow packet by packet. */
type Size = '30000' | '1000000' | '5000000' | '20000000'
const sizes: readonly Segment<Size>[] = [
  { value: '30000', label: '30 kB' }, { value: '1000000', label: '1 MB' }, { value: '5000000', label: '5 MB' }, { value: '20000000', label: '20 MB' },
]

export interface LoaderProps {
  readonly isClientUp: boolean
  /** The site to load from. */
  readonly homeUrl: string
}

export function Loader({ isClientUp, homeUrl }: LoaderProps) {
  const loading = useLab(state => state.loading)
  const loaded = useLab(state => state.loaded)
  const [size, setSize] = useState<Size>('5000000')
  const outcome = loading > 0 ? 'Loading…' : loaded === undefined ? '' : loadSentence(loaded)
  return (
    <div className="lab-loader">
      <Segmented label="Size" segments={sizes} value={size} onChange={setSize} />
      <Button look="primary" isDisabled={!isClientUp} onPress={() => { void load(homeUrl, Number(size)) }}>Load over RUDP</Button>
      <Button isDisabled={loading === 0} onPress={() => { void stopLoads() }}>Stop</Button>
      <p className="lab-outcome" role="status">{isClientUp ? outcome : 'Switch on the client to load pages.'}</p>
    </div>
  )
}
