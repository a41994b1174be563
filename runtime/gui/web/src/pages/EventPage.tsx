import { Badge, Group, SimpleGrid, Stack, Tabs, Text } from '@mantine/core'
import { IconBraces, IconFileText } from '@tabler/icons-react'
import { useParams } from 'react-router'
import { useEvent } from '../api/queries'
import { EventIcon } from '../components/EventIcon'
import { ErrorNotice, Loading } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { RawJson } from '../components/RawJson'
import { When } from '../components/When'
import { eventName, sentence, timeOf } from '../lib/events'
import { useTitle } from '../lib/useTitle'
import { EventDetails, EventSurroundings } from './event/EventDetails'
import { Original } from './event/Original'
import { Outcome } from './event/Outcome'

/** One event, readable: what, who, where, when; as stored one click away. */
export default function EventPage() {
  const { id = '' } = useParams()
  const { data: event, error, isPending, refetch } = useEvent(id)
  useTitle(event ? eventName(event) : 'Event')
  if (isPending) return <Loading />
  if (error) {
    return (
      <>
        <PageHead title="Event" back={{ to: '/events', label: 'Events' }} />
        <ErrorNotice error={error} what="The event could not be loaded" retry={() => void refetch()} />
      </>
    )
  }
  const status = event.metadata
  return (
    <>
      <PageHead
        back={{ to: '/events', label: 'Events' }}
        icon={<EventIcon type={event.type} size={52} />}
        title={sentence(event)}
        subtitle={
          <Group gap={8} mt={2}>
            <Badge color="iris">{eventName(event)}</Badge>
            {status?.error && <Badge color="red">error</Badge>}
            {status?.warning && <Badge color="orange">warning</Badge>}
            {status?.valid === false && <Badge color="red">invalid</Badge>}
            <span>
              <When time={timeOf(event)} exact /> (<When time={timeOf(event)} />)
            </span>
          </Group>
        }
      />
      <Tabs defaultValue="summary" keepMounted={false}>
        <Tabs.List mb="lg">
          <Tabs.Tab value="summary" leftSection={<IconFileText size={16} aria-hidden />}>
            Summary
          </Tabs.Tab>
          <Tabs.Tab value="raw" leftSection={<IconBraces size={16} aria-hidden />}>
            Raw JSON
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="summary">
          <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg" style={{ alignItems: 'start' }}>
            <Stack gap="lg">
              <Outcome id={event.id} />
              <Original event={event} />
              <EventDetails event={event} />
            </Stack>
            <Stack gap="lg">
              <EventSurroundings event={event} />
            </Stack>
          </SimpleGrid>
          <Text size="xs" c="dimmed" mt="lg" className="wrap">
            Event {event.id}
          </Text>
        </Tabs.Panel>
        <Tabs.Panel value="raw">
          <RawJson value={event} label="Stored event" />
        </Tabs.Panel>
      </Tabs>
    </>
  )
}
