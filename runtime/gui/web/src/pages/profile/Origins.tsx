import { Anchor, Card, Table, Text } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { Link } from 'react-router'
import type { ProfileDocument } from '../../api/types'
import { Empty } from '../../components/Notices'
import { When } from '../../components/When'
import { shortId } from '../../lib/format'
import { writes } from '../../lib/explain'

/** Which event gave each field of a profile the value that it has. */
export function Origins({ profile }: { profile: ProfileDocument }) {
  const written = writes(profile)
  return (
    <Card className="card-shadow" padding="sm">
      {written.length === 0 ? (
        <Empty icon={<IconHistory size={24} aria-hidden />} title="No event wrote to this profile">
          Fields that events set are listed here, each with the event.
        </Empty>
      ) : (
        <Table.ScrollContainer minWidth={460}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Field</Table.Th>
                <Table.Th>Value</Table.Th>
                <Table.Th>Written</Table.Th>
                <Table.Th>By event</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {written.map(({ field, value, time, event }) => (
                <Table.Tr key={field}>
                  <Table.Td className="wrap">{field}</Table.Td>
                  <Table.Td className="wrap">
                    {value || (
                      <Text span size="sm" c="dimmed">
                        nothing any more
                      </Text>
                    )}
                  </Table.Td>
                  <Table.Td>
                    <When time={time} />
                  </Table.Td>
                  <Table.Td>
                    <Anchor component={Link} to={`/events/${encodeURIComponent(event)}`} size="sm">
                      {shortId(event)}
                    </Anchor>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Card>
  )
}
