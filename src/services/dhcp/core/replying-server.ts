/** Who answers: the server that an OFFER or an ACK is from. */
import { MalformedPacket } from '../../kit/errors.ts'
import { OP } from '../wire/header.ts'
import { decodeMessage, MESSAGE_TYPE } from '../wire/message.ts'

/** Undefined for bytes that are no such answer. */
export function replyingServer(bytes: Uint8Array): { readonly xid: number; readonly server: number } | undefined {
  try {
    const { op, xid, options: { messageType, serverIdentifier } } = decodeMessage(bytes)
    const isAnswer = op === OP.reply && (messageType === MESSAGE_TYPE.OFFER || messageType === MESSAGE_TYPE.ACK)
    return isAnswer && serverIdentifier !== undefined ? { xid, server: serverIdentifier } : undefined
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined
    throw error
  }
}
