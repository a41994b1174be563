import { Anchor, Text } from '@mantine/core'
import { Link } from 'react-router'
import type { By } from '../api/history'
import { useMay } from '../auth/roles'
import { kindById } from '../configuration/kinds'
import { recordPath } from '../configuration/records'

const OTHERS: Record<string, string> = { 'event-source': 'Event source', 'event-type': 'Predefined for', workflow: 'Workflow', geoip: 'Database of places' }

/** Which record did something: its kind, and its name as a link for those who may open it. */
export function ByRecord({ by }: { by: By }) {
  const kind = kindById(by.kind)
  const rights = { read: useMay('read'), configure: useMay('configure') }
  const path =
    kind && rights[kind.right] ? recordPath(kind.id, by.id) : by.kind === 'event-source' && rights.configure ? `/sources/${encodeURIComponent(by.id)}` : null
  const name = by.name ?? by.id
  return (
    <Text size="xs" c="dimmed" mt={2} className="wrap" component="div">
      {kind ? `${kind.one.charAt(0).toUpperCase()}${kind.one.slice(1)}` : (OTHERS[by.kind] ?? by.kind)}{' '}
      {path && by.name !== null ? (
        <Anchor component={Link} to={path} inherit underline="always">
          {name}
        </Anchor>
      ) : (
        name
      )}
    </Text>
  )
}
