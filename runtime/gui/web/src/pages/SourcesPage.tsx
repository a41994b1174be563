import { Badge, Button, Card, Group, SimpleGrid, Text } from '@mantine/core'
import { IconPlug, IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { useSources } from '../api/queries'
import type { EventSource } from '../api/types'
import { Empty, ErrorNotice, LoadingRows } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { NewSource } from './source/NewSource'
import { useTitle } from '../lib/useTitle'

/** Where events may come from. */
export default function SourcesPage() {
  useTitle('Event sources')
  const sources = useSources()
  const [adding, setAdding] = useState(false)
  const add = (
    <Button leftSection={<IconPlus size={17} aria-hidden />} onClick={() => setAdding(true)}>
      New event source
    </Button>
  )
  return (
    <>
      <PageHead title="Event sources" subtitle="Only events that name one of these are accepted.">
        {add}
      </PageHead>
      {sources.isPending ? (
        <LoadingRows rows={3} />
      ) : sources.isError ? (
        <ErrorNotice error={sources.error} what="The event sources could not be loaded" retry={() => void sources.refetch()} />
      ) : sources.data.length === 0 ? (
        <Card className="card-shadow">
          <Empty icon={<IconPlug size={24} aria-hidden />} title="No event source yet">
            Make one for each site or app. Its page has the code to paste.
          </Empty>
        </Card>
      ) : (
        <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="lg">
          {sources.data.map(source => (
            <SourceCard key={source.id} source={source} />
          ))}
        </SimpleGrid>
      )}
      <NewSource opened={adding} onClose={() => setAdding(false)} />
    </>
  )
}

function SourceCard({ source }: { source: EventSource }) {
  return (
    <Link to={`/sources/${encodeURIComponent(source.id)}`} className="row-link">
      <Card className="card-shadow row-card" h="100%">
        <Group justify="space-between" wrap="nowrap" mb={6}>
          <Text fw={600} className="wrap">
            {source.name}
          </Text>
          <Badge color={source.enabled ? 'teal' : 'gray'}>{source.enabled ? 'on' : 'off'}</Badge>
        </Group>
        <Text size="sm" c="dimmed" lineClamp={2}>
          {source.description || 'No description'}
        </Text>
        <Text size="xs" c="dimmed" ff="monospace" mb="md" mt={4} className="wrap">
          {source.id}
        </Text>
        <Group gap={6} mt="auto">
          {source.type.map(type => (
            <Badge key={type} color="gray">
              {type}
            </Badge>
          ))}
          {source.channel && <Badge color="iris">{source.channel}</Badge>}
        </Group>
      </Card>
    </Link>
  )
}
