/** Identifies the server that sent an OFFER or an ACK. */
import { MalformedPacket } from '../../kit/errors.ts'
import { OP } from '../wire/header.ts'
import { decodeMessage, MESSAGE_TYPE } from '../wire/message.ts'

/** Undefined if the bytes are not such a reply. */
export function replyingServer(bytes: Uint8Array): { readonly xid: number; readonly server: number } | undefined {
  try {
    const { op, xid, options: { messageType, serverIdentifier } } = decodeMessage(bytes)
    const isReply = op === OP.reply && (messageType === MESSAGE_TYPE.OFFER || messageType === MESSAGE_TYPE.ACK)
    return isReply && serverIdentifier !== undefined ? { xid, server: serverIdentifier } : undefined
  } catch (error) {
    if (error instanceof MalformedPacket) return undefined
    throw error
  }
}
