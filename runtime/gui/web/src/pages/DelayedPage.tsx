import { Anchor, Card, Text } from '@mantine/core'
import { IconHourglass } from '@tabler/icons-react'
import { Link } from 'react-router'
import { type Delayed, useDelayed } from '../api/history'
import { Empty } from '../components/Notices'
import { PagedList } from '../components/PagedList'
import { PageHead } from '../components/PageHead'
import { PersonLink } from '../components/Person'
import { RawJson } from '../components/RawJson'
import { When } from '../components/When'
import { shortId } from '../lib/format'
import { useTitle } from '../lib/useTitle'

/** What workflows have asked to happen later. */
export default function DelayedPage() {
  useTitle('Delayed events')
  const pages = useDelayed()
  return (
    <>
      <PageHead title="Delayed events" subtitle="What workflows have asked to happen later, the soonest first." back={{ to: '/configuration', label: 'Configuration' }} />
      <Card className="card-shadow">
        <PagedList
          pages={pages}
          failure="The delayed events could not be loaded"
          empty={
            <Empty icon={<IconHourglass size={24} aria-hidden />} title="Nothing is waiting">
              A workflow that pauses is listed here until it goes on.
            </Empty>
          }
        >
          {one => <DelayedRow key={one.id} delayed={one} />}
        </PagedList>
      </Card>
    </>
  )
}

/** When, which workflow at which node, with which event, for whom, and because of what. */
export function DelayedRow({ delayed: { due, flow, node, event, event_type, properties, profile, at } }: { delayed: Delayed }) {
  return (
    <li>
      <Text size="sm" fw={600} className="wrap" component="div">
        <When time={due} exact />: workflow {flow}, node {node}
        {event_type && <>, with event {event_type}</>}
      </Text>
      <Text size="xs" c="dimmed" component="div">
        Asked for <When time={at} /> by{' '}
        <Anchor component={Link} to={`/events/${encodeURIComponent(event)}`} inherit underline="always">
          event {shortId(event)}
        </Anchor>
        {profile && (
          <>
            {' '}
            of <PersonLink id={profile} />
          </>
        )}
      </Text>
      {Object.keys(properties).length > 0 && (
        <details className="body">
          <summary>Properties</summary>
          <RawJson value={properties} label="Properties of the delayed event" />
        </details>
      )}
    </li>
  )
}
