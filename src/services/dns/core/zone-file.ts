/**
 * dns.zone: what is registered, as a master file (RFC 1035 §5) that a person can read and edit and other servers can load.
 * Names outside the apex stand absolute at its end; a server that holds to the letter skips those with a warning.
 */
import { HamletError, UsageError } from '../../kit/errors.ts'
import type { ResourceRecord } from '../wire/message.ts'
import { isWithin, labelsOf, nameKey, parseName, ROOT } from '../wire/name.ts'
import { EntryReader, type Entry, type Token } from '../wire/presentation.ts'
import { formatRdata, parseRdata } from '../wire/rdata.ts'
import { CLASS, formatType, isMetaType, parseType, TYPE } from '../wire/types.ts'
import { APEX, isApexOwn, REGISTERED_TTL_SECONDS } from './apex.ts'
import { NAMES_MAX } from './zone.ts'

const RECORDS_MAX = NAMES_MAX * 4
const TTL_MAX = 0x7fffffff
const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** What the entries so far have set for the ones to come. */
interface Scope {
  origin: string
  defaultTtl: number
  owner: string | undefined
}

/**
 * All records of a master file; `$ORIGIN` is `home.` until the text says otherwise.
 * @param text one character an octet
 * @param fileName for errors
 * @throws HamletError file-damaged, naming line and reason
 */
export function parseZoneFile(text: string, fileName: string): ResourceRecord[] {
  const reader = new EntryReader(text)
  const scope: Scope = { origin: APEX, defaultTtl: REGISTERED_TTL_SECONDS, owner: undefined }
  const records: ResourceRecord[] = []
  const types = new Map<string, number>()
  try {
    for (let entry = reader.next(); entry !== undefined; entry = reader.next()) {
      const record = readEntry(entry, scope)
      if (record !== undefined) {
        checkAlias(record, types)
        records.push(record)
      }
      if (records.length > RECORDS_MAX) throw new UsageError('The file is too large', `it has more than ${RECORDS_MAX} records`, 'remove some')
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw new HamletError({
      code: 'file-damaged', what: `${fileName} could not be read`, why: `line ${reader.line}: ${error.parts.what.replace(/^[A-Z](?=[a-z])/, letter => letter.toLowerCase())}: ${error.parts.why}`,
      remedy: error.parts.remedy, proof: `${fileName}:${reader.line}`,
    }, { cause: error })
  }
  return records
}

/** The master file of these records: SOA and NS first, then the apex's names relative to it, then the others absolute. */
export function formatZoneFile(records: Iterable<ResourceRecord>): string {
  const all = [...records]
  const own = all.filter(isApexOwn).sort((a, b) => Number(b.type === TYPE.SOA) - Number(a.type === TYPE.SOA))
  const inner = all.filter(record => !isApexOwn(record) && isWithin(record.name, APEX))
  const outer = all.filter(record => !isWithin(record.name, APEX))
  return [
    '; Names registered at this DNS server (RFC 1035 master file).',
    '; You may edit it: your changes are read at the next start, or before it is written again. Comments are not kept.',
    `$ORIGIN ${APEX}.`,
    `$TTL ${REGISTERED_TTL_SECONDS}`,
    ...[...own, ...inner].map(formatRecord),
    ...(outer.length === 0 ? [] : [`; Names outside ${APEX}.`, ...outer.map(formatRecord)]),
    '',
  ].join('\n')
}

function formatRecord(record: ResourceRecord): string {
  const ttl = record.ttl === REGISTERED_TTL_SECONDS ? '' : `${record.ttl} `
  return `${relativeName(record.name).padEnd(23)} ${ttl}IN ${formatType(record.type).padEnd(5)} ${formatRdata(record.type, record.rdata)}`
}

function relativeName(name: string): string {
  if (nameKey(name) === APEX) return '@'
  if (!isWithin(name, APEX)) return name === ROOT ? name : `${name}.`
  return labelsOf(name).slice(0, -labelsOf(APEX).length).join('.')
}

function readEntry({ tokens, startsBlank }: Entry, scope: Scope): ResourceRecord | undefined {
  const first = tokens[0]
  if (!startsBlank && first?.quoted === false && first.text.startsWith('$')) {
    readDirective(first.text.toUpperCase(), tokens.slice(1), scope)
    return undefined
  }
  const words = [...tokens]
  if (!startsBlank) scope.owner = parseName(words.shift()?.text ?? '', scope.origin)
  if (scope.owner === undefined) throw new UsageError('An entry has no owner', 'it begins with a blank and none stands before it', 'begin the line with a name')
  const { ttl, type } = readTtlClassType(words, scope)
  if (type === TYPE.SOA && nameKey(scope.owner) !== APEX) throw new UsageError('An SOA is at the wrong place', `"${scope.owner}" is not ${APEX}.`, `write it at ${APEX}. or remove it`)
  return { name: scope.owner, type, class: CLASS.IN, ttl, rdata: parseRdata(type, words, scope.origin) }
}

/** @param types the first type of each name so far */
function checkAlias({ name, type }: ResourceRecord, types: Map<string, number>): void {
  const key = nameKey(name)
  const first = types.get(key)
  if (first === undefined) types.set(key, type)
  else if (type === TYPE.CNAME || first === TYPE.CNAME) throw new UsageError('A CNAME does not stand alone', `"${name}" has other records beside it (RFC 1034 §3.6.2)`, 'remove one or the other')
}

function readDirective(name: string, values: readonly Token[], scope: Scope): void {
  const value = values[0]?.text ?? ''
  if (name === '$ORIGIN') scope.origin = parseName(value, scope.origin)
  else if (name === '$TTL') {
    const ttl = parseTtl(value)
    if (ttl === undefined) throw new UsageError('$TTL is wrong', `"${value}" is no time`, 'write seconds')
    scope.defaultTtl = ttl
  } else throw new UsageError(`${name} is not understood`, 'only $ORIGIN and $TTL are', 'write the records themselves')
}

/** Takes `[TTL] [class] type` off the front; TTL and class come in either order (RFC 1035 §5.1). */
function readTtlClassType(words: Token[], scope: Scope): { ttl: number; type: number } {
  let ttl = scope.defaultTtl
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const time = parseTtl(word.text)
    const type = parseType(word.text)
    if (time !== undefined) ttl = time
    else if (/^(CH|HS|CS)$/i.test(word.text)) throw new UsageError('A class is not served', `"${word.text}" is not IN`, 'write IN or nothing')
    else if (type !== undefined) {
      if (isMetaType(type)) throw new UsageError('A type cannot be stored', `${word.text} is for questions only`, 'remove the line')
      return { ttl, type }
    } else if (word.text.toUpperCase() !== 'IN') throw new UsageError('A type is not known', `"${word.text}" is none`, 'write a type such as A, or TYPE65 for one without a name here')
  }
  throw new UsageError('A line is not complete', 'its type is missing', 'write NAME TYPE DATA')
}

/** Seconds, or `1h30m` as BIND writes it; undefined for what is no time. */
function parseTtl(text: string): number | undefined {
  if (!/^(\d{1,10}|(\d{1,8}[smhdw])+)$/i.test(text)) return undefined
  const seconds = /^\d+$/.test(text) ? Number(text)
    : [...text.matchAll(/(\d+)([a-z])/gi)].reduce((sum, [, count, unit]) => sum + Number(count) * (UNIT_SECONDS[(unit ?? 's').toLowerCase()] ?? 1), 0)
  return seconds <= TTL_MAX ? seconds : undefined
}
