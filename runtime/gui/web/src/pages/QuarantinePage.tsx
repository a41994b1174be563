import { Alert, Anchor, Badge, Button, Card, Group, Text } from '@mantine/core'
import { IconRefresh, IconShieldCheck } from '@tabler/icons-react'
import { Link } from 'react-router'
import { type Original, useQuarantine, useReplayEvents } from '../api/originals'
import { useMay } from '../auth/roles'
import { Empty, ErrorNotice } from '../components/Notices'
import { PagedList } from '../components/PagedList'
import { PageHead } from '../components/PageHead'
import { Sent } from '../components/Sent'
import { When } from '../components/When'
import { number, shortId } from '../lib/format'
import { useTitle } from '../lib/useTitle'

/** Events that were not taken, with the reason and what was sent for them; all that are shown can be processed once more. */
export default function QuarantinePage() {
  useTitle('Quarantine')
  const pages = useQuarantine()
  const replay = useReplayEvents()
  const may = useMay('configure')
  const originals = pages.data?.pages.flatMap(page => page.result) ?? []
  return (
    <>
      <PageHead
        title="Quarantine"
        subtitle="Events that were not taken, the newest first. They are kept for 30 days."
        back={{ to: '/configuration', label: 'Configuration' }}
      />
      <Card className="card-shadow">
        {may && originals.length > 0 && (
          <Group mb="md" gap="sm">
            <Button
              variant="default"
              leftSection={<IconRefresh size={16} aria-hidden />}
              loading={replay.isPending}
              onClick={() => replay.mutate(originals.map(({ id }) => id))}
            >
              Process these once more
            </Button>
            <Text size="xs" c="dimmed">
              By the configuration of now, under the same ids.
            </Text>
          </Group>
        )}
        {replay.isError && <ErrorNotice error={replay.error} what="They could not be processed" />}
        {replay.data && (
          <Alert mb="md" variant="light" color={replay.data.refused.length > 0 ? 'orange' : 'teal'} role="status">
            {number(replay.data.replayed)} processed
            {replay.data.refused.length > 0 && `, ${number(replay.data.refused.length)} not: ${replay.data.refused[0]?.reason ?? ''}`}
          </Alert>
        )}
        <PagedList
          pages={pages}
          failure="The quarantine could not be loaded"
          empty={
            <Empty icon={<IconShieldCheck size={24} aria-hidden />} title="Every event was taken">
              Events that do not look as their type must are listed here, with what their clients sent.
            </Empty>
          }
        >
          {one => <OriginalRow key={one.id} original={one} />}
        </PagedList>
      </Card>
    </>
  )
}

function OriginalRow({ original }: { original: Original }) {
  const { id, at, reason, why, type, source, altered } = original
  return (
    <li>
      <Group gap="xs">
        <Anchor component={Link} to={`/events/${encodeURIComponent(id)}`} fw={600} size="sm" underline="always">
          {type} {shortId(id)}
        </Anchor>
        {reason === 'panic' && (
          <Badge size="xs" color="red" variant="light">
            The program failed on it
          </Badge>
        )}
      </Group>
      <Text size="sm" className="wrap">
        {why}
      </Text>
      <Text size="xs" c="dimmed" component="div">
        <When time={at} />, from {source}
        {altered && '; without what a consent was missing for'}
      </Text>
      <details className="body">
        <summary>What was sent</summary>
        <Sent original={original} label={`What was sent for ${id}`} />
      </details>
    </li>
  )
}
