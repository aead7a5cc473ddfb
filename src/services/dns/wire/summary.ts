/**
 * A DNS message on one line, as a list of packets shows it. Names and data from the network are already escaped text; only
 * a limited amount of them is shown.
 *
 *     query 0x1f0a A my-app.home
 *     response 0x1f0a A my-app.home NOERROR: CNAME web.home., A 192.168.1.50 and 2 more
 */
import { ednsOf, type Edns } from './edns.ts'
import type { Header, Message, ResourceRecord } from './message.ts'
import { formatRdata } from './rdata.ts'
import { formatOpcode, formatRcode, formatType, OPCODE } from './types.ts'

const RECORDS_ON_A_LINE = 3
const DATA_CHARACTERS_MAX = 60

/** @throws MalformedPacket as `ednsOf`, if the EDNS of the message is malformed */
export function formatOnOneLine(message: Message): string {
  const { header, questions } = message
  const kind = header.opcode === OPCODE.QUERY ? '' : `${formatOpcode(header.opcode).toLowerCase()} `
  const beginning = `${kind}${header.qr ? 'response' : header.opcode === OPCODE.QUERY ? 'query' : 'request'} 0x${header.id.toString(16).padStart(4, '0')}`
  const asked = questions.map(({ name, type }) => ` ${formatType(type)} ${name}`).slice(0, RECORDS_ON_A_LINE).join(',')
  const content = header.opcode === OPCODE.UPDATE ? message.authorities : message.answers
  const records = content.slice(0, RECORDS_ON_A_LINE).map(record => `${formatType(record.type)} ${formatData(record)}`.trimEnd())
  const more = content.length > RECORDS_ON_A_LINE ? ` and ${content.length - RECORDS_ON_A_LINE} more` : ''
  const outcome = header.qr ? ` ${formatRcode(fullRcode(header, ednsOf(message)))}${header.tc ? ' truncated' : ''}` : ''
  return `${beginning}${asked}${outcome}${records.length === 0 ? '' : `: ${records.join(', ')}${more}`}`
}

function formatData({ type, rdata }: ResourceRecord): string {
  const text = rdata.length === 0 ? '' : formatRdata(type, rdata)
  return text.length > DATA_CHARACTERS_MAX ? `${text.slice(0, DATA_CHARACTERS_MAX)}…` : text
}

function fullRcode(header: Header, edns: Edns | undefined): number {
  return (edns?.extendedRcode ?? 0) | header.rcode
}
