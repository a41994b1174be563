import { Card, Group, SimpleGrid, Skeleton, Stack, Text } from '@mantine/core'
import { IconBroadcast } from '@tabler/icons-react'
import { useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { useCount, useHistogram } from '../api/queries'
import type { IndexName } from '../api/types'
import { Legend } from '../charts/Legend'
import { Empty, ErrorNotice } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { RangePicker } from '../components/RangePicker'
import { Section } from '../components/Section'
import { categoryOf } from '../lib/events'
import { counter, number } from '../lib/format'
import { rangeByKey } from '../lib/range'
import { useTitle } from '../lib/useTitle'
import { useUrlState } from '../lib/useUrlState'
import { LiveStream } from './overview/LiveStream'
import { TopTypes } from './overview/TopTypes'

// Beside the overview, not in its way: most installations have none.
const Problems = lazy(() => import('../configuration/Problems'))
const EventsChart = lazy(() => import('../charts/EventsChart'))

/** What is going on: counters, events over time, the live stream, the most frequent types. */
export default function OverviewPage() {
  useTitle('Overview')
  const [rangeKey, setRange] = useUrlState('range', '1h')
  const range = rangeByKey(rangeKey, '1h')
  const histogram = useHistogram(range)
  const queries = useQueryClient()
  const data = histogram.data ?? null

  return (
    <>
      <PageHead title="Overview" subtitle="What happens on your sites and apps, as it is stored." />
      <Stack gap="lg">
        <Suspense fallback={null}>
          <Problems />
        </Suspense>
        <SimpleGrid cols={{ base: 2, md: 4 }} spacing={{ base: 'sm', sm: 'lg' }}>
          <Counter index="event" label="Events stored" />
          <Counter index="profile" label="Profiles" />
          <Counter index="session" label="Sessions" />
          <Figure label={`Events, ${range.words}`} value={data ? counter(data.total) : null} />
        </SimpleGrid>

        <Section title="Events over time" hint={`By type, ${range.words}`} aside={<RangePicker value={range.key} onChange={setRange} />}>
          {histogram.isError ? (
            <ErrorNotice error={histogram.error} what="The chart could not be loaded" retry={() => void histogram.refetch()} />
          ) : data === null ? (
            <Skeleton h={250} radius="md" />
          ) : data.total === 0 ? (
            <Empty icon={<IconBroadcast size={24} aria-hidden />} title={`No events in the ${range.words}`}>
              Choose a longer range, or send some: the page of an event source has a snippet for your site.
            </Empty>
          ) : (
            <Suspense fallback={<Skeleton h={250} radius="md" />}>
              <EventsChart data={data} words={range.words} />
              <Legend data={data} />
            </Suspense>
          )}
        </Section>

        <SimpleGrid cols={{ base: 1, lg: 3 }} spacing="lg" style={{ alignItems: 'start' }}>
          <div className="stream-cell">
            <LiveStream
              onNew={events => {
                const renamed = new Set(events.filter(event => categoryOf(event.type) === 'identity').map(event => event.profile?.id))
                void queries.invalidateQueries({
                  predicate: ({ queryKey: [, what, id] }) =>
                    what === 'count' || what === 'histogram' || (what === 'profile' && renamed.has(String(id))),
                })
              }}
            />
          </div>
          <TopTypes data={data} words={range.words} />
        </SimpleGrid>
      </Stack>
    </>
  )
}

function Counter({ index, label }: { index: IndexName; label: string }) {
  const count = useCount(index)
  return <Figure label={label} value={count.isError ? '–' : count.data ? counter(count.data.count) : null} exact={count.data ? number(count.data.count) : undefined} />
}

function Figure({ label, value, exact }: { label: string; value: string | null; exact?: string }) {
  return (
    <Card className="card-shadow" padding="md">
      <Text size="sm" c="dimmed" truncate>
        {label}
      </Text>
      <Group mt={4}>
        {value === null ? (
          <Skeleton h={30} w={72} my={4} />
        ) : (
          <Text fz={28} fw={650} lh={1.35} className="number" title={exact}>
            {value}
          </Text>
        )}
      </Group>
    </Card>
  )
}
