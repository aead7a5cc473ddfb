/**
 * Sets the conditions of the link: by preset, by sliders, or as the text that the
 * command line takes. All three show the same setting.
 */
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { partsOf } from '../../services/kit/errors.ts'
import { formatLink, LINK_PRESET_NAMES, LINK_PRESETS, parseLink, presetOf, type LinkDirection, type LinkPresetName, type LinkSetting } from '../../services/kit/link-text.ts'
import { Field } from '../ui/Field.tsx'
import { Segmented, type Segment } from '../ui/Segmented.tsx'
import { Select, type Option } from '../ui/Select.tsx'
import { Slider } from '../ui/Slider.tsx'
import { mainSliders, moreSliders, moved, placeOf, textOf, type LinkSlider } from './link-sliders.ts'

export interface LinkFormProps {
  /** The conditions in force. */
  readonly link: string
  readonly isDisabled: boolean
  /** Prepares a change. @returns a function that makes it; its promise resolves when the change is in force or refused */
  readonly onChange: (setting: LinkSetting) => () => Promise<void>
}

/** A change that is not in force yet. */
interface Draft {
  readonly setting: LinkSetting
  readonly make: () => Promise<void>
}

const presetOptions: readonly Option<LinkPresetName | 'own'>[] = [
  ...LINK_PRESET_NAMES.map(name => ({ value: name, label: name === '2g' ? '2G' : (name.charAt(0).toUpperCase() + name.slice(1)).replace(/-/g, ' ') })), { value: 'own', label: 'Custom' },
]
const directions: readonly Segment<LinkDirection>[] = [{ value: 'both', label: 'Both' }, { value: 'out', label: 'Out' }, { value: 'in', label: 'In' }]
/** A slider passes many stops while it is dragged; only the one where it rests is sent. */
const REST_MS = 120

export function LinkForm({ link, isDisabled, onChange }: LinkFormProps) {
  const [draft, setDraft] = useState<Draft>()
  const resting = useRef<Draft>(undefined)
  const setting = draft?.setting ?? parseLink(link)
  const change = (to: LinkSetting) => {
    resting.current = { setting: to, make: onChange(to) }
    setDraft(resting.current)
  }
  const make = () => {
    const due = resting.current
    resting.current = undefined
    // From then on the form shows what the service reports.
    void due?.make().finally(() => setDraft(latest => latest === due ? undefined : latest))
  }
  const changeAtOnce = (to: LinkSetting) => {
    change(to)
    make()
  }
  useEffect(() => {
    if (draft === undefined) return
    const timer = window.setTimeout(make, REST_MS)
    return () => window.clearTimeout(timer)
  }, [draft])
  useEffect(() => make, []) // a pending change is made even if the user leaves the view

  const preset = presetOf(setting)
  const sliders = (these: readonly LinkSlider[]) => these.map(slider => (
    <Slider
      key={slider.term} label={slider.label} count={slider.stops.length} place={placeOf(slider, setting)} text={textOf(slider, setting)} isDisabled={isDisabled}
      onChange={place => change(moved(slider, place, setting))}
    />
  ))
  return (
    <section className="lab-link" aria-label="Link">
      <Select
        label="Link" options={presetOptions} value={preset ?? 'own'} isDisabled={isDisabled}
        onChange={name => { if (name !== 'own') changeAtOnce({ ...parseLink(LINK_PRESETS[name].text), seed: setting.seed }) }}
      />
      <p className="field-help">{preset === undefined ? 'A custom link.' : LINK_PRESETS[preset].says}</p>
      {sliders(mainSliders)}
      <details className="settings-more">
        <summary>More conditions</summary>
        {sliders(moreSliders)}
        <Segmented label="Direction, from this end" segments={directions} value={setting.direction} isDisabled={isDisabled} onChange={direction => changeAtOnce({ ...setting, direction })} />
      </details>
      <LinkText text={formatLink(setting)} isDisabled={isDisabled} onChange={changeAtOnce} />
    </section>
  )
}

/** The setting as text, as --link takes it. Applied when Enter is pressed. */
function LinkText({ text, isDisabled, onChange }: { readonly text: string; readonly isDisabled: boolean; readonly onChange: (setting: LinkSetting) => void }) {
  const [typed, setTyped] = useState(text)
  const [wrong, setWrong] = useState<string>()
  useEffect(() => {
    setTyped(text)
    setWrong(undefined)
  }, [text])

  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isDisabled) return
    try {
      onChange(parseLink(typed))
      setWrong(undefined)
    } catch (error) {
      const { what, why } = partsOf(error)
      setWrong(`${what}: ${why}`)
    }
  }
  return (
    <form onSubmit={submit}>
      <Field label="As text" help="same as --link; press Enter to apply" value={typed} error={wrong} onChange={setTyped} />
    </form>
  )
}
