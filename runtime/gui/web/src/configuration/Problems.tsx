import { Alert, Anchor, Stack, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { Link } from 'react-router'
import { kindById } from './kinds'
import { recordPath, useProblems } from './records'

/** Says which stored records do nothing, and leads to them. Nothing when all is well. */
export default function Problems() {
  const problems = useProblems().data ?? []
  if (problems.length === 0) return null
  const title = problems.length === 1 ? 'A configuration record does nothing' : `${problems.length} configuration records do nothing`
  return (
    <Alert color="red" icon={<IconAlertTriangle size={18} aria-hidden />} title={title}>
      <Stack gap={4}>
        {problems.slice(0, 5).map(({ kind, id, name, errors }) => (
          <Text key={`${kind} ${id}`} size="sm" className="wrap">
            <Anchor component={Link} to={recordPath(kind, id)} inherit underline="always">
              {name || id}
            </Anchor>{' '}
            ({kindById(kind)?.one ?? kind}): {errors[0]?.msg.split('\n')[0]}
          </Text>
        ))}
        {problems.length > 5 && <Text size="sm">and {problems.length - 5} more, marked in their lists</Text>}
      </Stack>
    </Alert>
  )
}
