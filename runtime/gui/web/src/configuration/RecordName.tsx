import { Anchor } from '@mantine/core'
import { Link } from 'react-router'
import { kindById } from './kinds'
import { recordPath, useRecord } from './records'

/** The name of a configuration record, as a link for those who may open it. */
export function RecordName({ kind: kindId, id }: { kind: string; id: string }) {
  const kind = kindById(kindId)
  const { data: record } = useRecord(kind, id)
  if (!kind || !record) return <>{id}</>
  return (
    <Anchor component={Link} to={recordPath(kind.id, id)} inherit underline="always">
      {record.name || id}
    </Anchor>
  )
}
