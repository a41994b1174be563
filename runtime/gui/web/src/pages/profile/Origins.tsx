import { Anchor, Button, Card, Center, Stack, Table, Text } from '@mantine/core'
import { IconHistory } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { type Change, useChanges, useNewestChanges } from '../../api/history'
import type { ProfileDocument } from '../../api/types'
import { ByRecord } from '../../components/ByRecord'
import { Empty, ErrorNotice, LoadingRows } from '../../components/Notices'
import { When } from '../../components/When'
import { type Written, writes } from '../../lib/explain'
import { shortId } from '../../lib/format'
import { Changed } from '../event/Steps'
import { Merges } from './Merges'

/** Which event and which record gave each field of a profile the value that it has, what was there before, and who was merged. */
export function Origins({ profile }: { profile: ProfileDocument }) {
  const written = writes(profile)
  const newest = useNewestChanges(profile.id).data?.pages.flatMap(page => page.result) ?? []
  return (
    <Stack gap="lg">
      <Card className="card-shadow" padding="sm">
        {written.length === 0 ? (
          <Empty icon={<IconHistory size={24} aria-hidden />} title="No event wrote to this profile">
            Fields that events set are listed here, each with the event and the record that did it.
          </Empty>
        ) : (
          <Table.ScrollContainer minWidth={520}>
            <Table>
              <Table.Thead>
                <Table.Tr>
                  <Table.Th>Field</Table.Th>
                  <Table.Th>Value</Table.Th>
                  <Table.Th>Written</Table.Th>
                  <Table.Th>By event</Table.Th>
                  <Table.Th aria-label="History" />
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {written.map(one => (
                  <Field key={one.field} profile={profile.id} written={one} last={newest.find(({ field }) => field === one.field)} />
                ))}
              </Table.Tbody>
            </Table>
          </Table.ScrollContainer>
        )}
      </Card>
      <Merges profile={profile.id} />
    </Stack>
  )
}

function Field({ profile, written: { field, value, time, event }, last }: { profile: string; written: Written; last: Change | undefined }) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <Table.Tr>
        <Table.Td className="wrap">{field}</Table.Td>
        <Table.Td className="wrap">
          {value || (
            <Text span size="sm" c="dimmed">
              nothing any more
            </Text>
          )}
          {last && <ByRecord by={last.by} />}
        </Table.Td>
        <Table.Td>
          <When time={time} />
        </Table.Td>
        <Table.Td>
          <EventLink id={event} />
        </Table.Td>
        <Table.Td>
          <Button size="compact-xs" variant="default" aria-expanded={open} aria-label={`History of ${field}`} onClick={() => setOpen(!open)}>
            History
          </Button>
        </Table.Td>
      </Table.Tr>
      {open && (
        <Table.Tr>
          <Table.Td colSpan={5}>
            <FieldHistory profile={profile} field={field} />
          </Table.Td>
        </Table.Tr>
      )}
    </>
  )
}

function EventLink({ id }: { id: string }) {
  // What a visitor decides about a consent comes with no event.
  if (!id) return <>the visitor</>
  return (
    <Anchor component={Link} to={`/events/${encodeURIComponent(id)}`} size="sm">
      {shortId(id)}
    </Anchor>
  )
}

/** What a field was, newest first. */
function FieldHistory({ profile, field }: { profile: string; field: string }) {
  const pages = useChanges(profile, field, true)
  const changes = pages.data?.pages.flatMap(page => page.result) ?? []
  if (pages.isPending) return <LoadingRows rows={2} />
  if (pages.isError) return <ErrorNotice error={pages.error} what="The history could not be loaded" retry={() => void pages.refetch()} />
  if (changes.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        No change of this field is remembered; they are for 90 days.
      </Text>
    )
  }
  return (
    <>
      <ChangeList changes={changes} />
      {pages.hasNextPage && (
        <Center mt="sm">
          <Button size="xs" variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Show more
          </Button>
        </Center>
      )}
    </>
  )
}

/** Changes of a field: when, by which event and record, from what to what. */
export function ChangeList({ changes }: { changes: readonly Change[] }) {
  return (
    <Stack component="ol" gap="xs" className="outcome">
      {changes.map(change => (
        <li key={change.id}>
          <Text size="sm" className="wrap" component="div">
            <Changed {...change} />
          </Text>
          <Text size="xs" c="dimmed" component="div">
            <When time={change.timestamp} exact />, event <EventLink id={change.event_id} />
          </Text>
          <ByRecord by={change.by} />
        </li>
      ))}
    </Stack>
  )
}
