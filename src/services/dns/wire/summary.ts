/**
 * A DNS message for readers: on one line, as a list of packets shows it, and in sections, as dig prints it. Foreign names and
 * data are text with escapes by now; how much of them is shown has a limit.
 *
 *     query 0x1f0a A my-app.home
 *     response 0x1f0a A my-app.home NOERROR: CNAME web.home., A 192.168.1.50 and 2 more
 */
import { ednsOf, type Edns } from './edns.ts'
import { formatOption } from './edns-options.ts'
import type { Header, Message, Question, ResourceRecord } from './message.ts'
import { ROOT } from './name.ts'
import { formatRdata } from './rdata.ts'
import { formatClass, formatOpcode, formatRcode, formatType, OPCODE, TYPE } from './types.ts'

const RECORDS_ON_A_LINE = 3
const DATA_ON_A_LINE_CHARACTERS = 60
const DATA_CHARACTERS_MAX = 2000

/** The sections of an update are the same octets under other names (RFC 2136 §2). */
const SECTIONS = ['QUESTION', 'ANSWER', 'AUTHORITY', 'ADDITIONAL'] as const
const UPDATE_SECTIONS = ['ZONE', 'PREREQUISITE', 'UPDATE', 'ADDITIONAL'] as const

/** @throws MalformedPacket where the EDNS of the message is broken, as `ednsOf` */
export function formatOnOneLine(message: Message): string {
  const { header, questions } = message
  const kind = header.opcode === OPCODE.QUERY ? '' : `${formatOpcode(header.opcode).toLowerCase()} `
  const beginning = `${kind}${header.qr ? 'response' : header.opcode === OPCODE.QUERY ? 'query' : 'request'} 0x${header.id.toString(16).padStart(4, '0')}`
  const asked = questions.map(({ name, type }) => ` ${formatType(type)} ${name}`).slice(0, RECORDS_ON_A_LINE).join(',')
  const told = header.opcode === OPCODE.UPDATE ? message.authorities : message.answers
  const records = told.slice(0, RECORDS_ON_A_LINE).map(record => `${formatType(record.type)} ${formatData(record, DATA_ON_A_LINE_CHARACTERS)}`.trimEnd())
  const more = told.length > RECORDS_ON_A_LINE ? ` and ${told.length - RECORDS_ON_A_LINE} more` : ''
  const outcome = header.qr ? ` ${formatRcode(fullRcode(header, ednsOf(message)))}${header.tc ? ' truncated' : ''}` : ''
  return `${beginning}${asked}${outcome}${records.length === 0 ? '' : `: ${records.join(', ')}${more}`}`
}

/** All of a message, as dig prints it. @throws MalformedPacket as `formatOnOneLine` */
export function formatMessage(message: Message): string {
  const { header, questions, answers, authorities } = message
  const edns = ednsOf(message)
  const additionals = message.additionals.filter(({ type }) => type !== TYPE.OPT)
  const titles = header.opcode === OPCODE.UPDATE ? UPDATE_SECTIONS : SECTIONS
  const counts = [questions, answers, authorities, message.additionals].map((section, index) => `${titles[index]}: ${section.length}`)
  const flags = (['qr', 'aa', 'tc', 'rd', 'ra', 'ad', 'cd'] as const).filter(flag => header[flag])
  const paragraphs = [
    [`;; opcode: ${formatOpcode(header.opcode)}, status: ${formatRcode(fullRcode(header, edns))}, id: ${header.id}`, `;; flags: ${flags.join(' ')}; ${counts.join(', ')}`],
    edns === undefined ? [] : [';; OPT PSEUDOSECTION:', `; EDNS: version: ${edns.version}, flags:${edns.dnssecOk ? ' do' : ''}; udp: ${edns.udpPayloadBytes}`, ...edns.options.map(option => `; ${formatOption(option)}`)],
    section(titles[0], questions.map(formatQuestion)),
    ...[answers, authorities, additionals].map((records, index) => section(titles[index + 1] ?? '', records.map(formatRecord))),
  ]
  return paragraphs.filter(lines => lines.length > 0).map(lines => `${lines.join('\n')}\n`).join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`;; ${title} SECTION:`, ...lines]
}

function formatQuestion({ name, type, class: questionClass }: Question): string {
  return `;${absolute(name)} ${formatClass(questionClass)} ${formatType(type)}`
}

function formatRecord(record: ResourceRecord): string {
  return `${absolute(record.name)} ${record.ttl} ${formatClass(record.class)} ${formatType(record.type)} ${formatData(record, DATA_CHARACTERS_MAX)}`.trimEnd()
}

function formatData({ type, rdata }: ResourceRecord, charactersMax: number): string {
  const text = rdata.length === 0 ? '' : formatRdata(type, rdata)
  return text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text
}

function absolute(name: string): string {
  return name === ROOT ? name : `${name}.`
}

function fullRcode(header: Header, edns: Edns | undefined): number {
  return (edns?.extendedRcode ?? 0) | header.rcode
}
