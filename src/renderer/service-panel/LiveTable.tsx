/** A running service's table whose rows are computed on request: polled twice a second, while the table is visible. */
import { useEffect, useMemo, useState } from 'react'
import { z } from 'zod'
import type { ServiceId } from '../../services/contracts.ts'
import type { LiveTableDeclaration } from '../../services/kit/contract.ts'
import { tableRow, type TableRow } from '../../services/kit/host-protocol.ts'
import { bridge } from '../bridge.ts'
import { DataTable } from '../ui/DataTable.tsx'
import { labelOf } from './labels.ts'

const POLL_EVERY_MS = 500
const reply = z.object({ rows: z.array(z.tuple([z.string(), tableRow])) })

export interface LiveTableProps {
  readonly id: ServiceId
  readonly table: LiveTableDeclaration
}

export function LiveTable({ id, table: { title, empty, row, command } }: LiveTableProps) {
  const [rows, setRows] = useState<ReadonlyMap<string, TableRow>>(new Map())
  const columns = useMemo(() => Object.keys(row.shape), [row])
  useEffect(() => {
    let timer = 0
    let isOver = false
    const poll = async () => {
      const answer = document.hidden ? undefined : await bridge().invoke('service:command', { id, name: command, ask: {} }).catch(() => undefined)
      if (isOver) return
      const parsed = reply.safeParse(answer?.value)
      if (parsed.success) setRows(new Map(parsed.data.rows))
      timer = window.setTimeout(() => { void poll() }, POLL_EVERY_MS)
    }
    void poll()
    return () => {
      isOver = true
      window.clearTimeout(timer)
    }
  }, [id, command])
  return <DataTable title={title} empty={empty} columns={columns} heading={labelOf} rows={rows} />
}
