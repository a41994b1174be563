import { Badge, Card, SimpleGrid, Tabs } from '@mantine/core'
import { IconBraces, IconClockHour4 } from '@tabler/icons-react'
import { useParams } from 'react-router'
import { useSession } from '../api/queries'
import { EventPages } from '../components/EventPages'
import { type Fact, Facts } from '../components/Facts'
import { ErrorNotice, Loading } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { PersonLink } from '../components/Person'
import { RawJson } from '../components/RawJson'
import { Section } from '../components/Section'
import { When } from '../components/When'
import { appName, deviceName, osName, placeName } from '../lib/device'
import { duration, label } from '../lib/format'
import { leaves } from '../lib/json'
import { ALL_TIME } from '../lib/range'
import { equals } from '../lib/search'
import { useTitle } from '../lib/useTitle'

/** One session: the device, and what happened in it. */
export default function SessionPage() {
  useTitle('Session')
  const { id = '' } = useParams()
  const { data: session, error, isPending, refetch } = useSession(id)
  if (isPending) return <Loading />
  if (error) {
    return (
      <>
        <PageHead title="Session" />
        <ErrorNotice error={error} what="The session could not be loaded" retry={() => void refetch()} />
      </>
    )
  }
  const profile = session.profile?.id
  const spent = session.metadata?.time?.duration
  return (
    <>
      <PageHead
        back={profile ? { to: `/profiles/${encodeURIComponent(profile)}`, label: 'Profile' } : { to: '/events', label: 'Events' }}
        title="Session"
        subtitle={
          <>
            {session.metadata?.status && <Badge color="teal" mr={8}>{session.metadata.status}</Badge>}
            started <When time={session.metadata?.time?.insert} exact />
          </>
        }
      />
      <SimpleGrid cols={{ base: 1, lg: 3 }} spacing="lg" style={{ alignItems: 'start' }}>
        <Section title="Details">
          <Facts
            facts={[
              ['Person', profile ? <PersonLink id={profile} /> : null],
              ['Duration', spent ? duration(spent) : null],
              ['Channel', session.metadata?.channel],
              ['Device', deviceName(session.device)],
              ['System', osName(session.os)],
              ['App', appName(session.app)],
              ['Language', session.app?.language],
              ['Place', placeName(session.device?.geo)],
              ['Address', session.device?.ip],
              ...leaves(session.utm).map(([path, text]): Fact => [`Campaign ${label(path).toLowerCase()}`, text]),
              ['Id', session.id],
            ]}
          />
        </Section>
        <div className="stream-cell">
          <Tabs defaultValue="events" keepMounted={false}>
            <Tabs.List mb="md">
              <Tabs.Tab value="events" leftSection={<IconClockHour4 size={16} aria-hidden />}>
                Events
              </Tabs.Tab>
              <Tabs.Tab value="raw" leftSection={<IconBraces size={16} aria-hidden />}>
                Raw JSON
              </Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="events">
              <Card className="card-shadow" padding="sm">
                <EventPages range={ALL_TIME} where={equals('session.id', session.id)} hidePerson empty="No stored event belongs to this session." />
              </Card>
            </Tabs.Panel>
            <Tabs.Panel value="raw">
              <RawJson value={session} label="Stored session" />
            </Tabs.Panel>
          </Tabs>
        </div>
      </SimpleGrid>
    </>
  )
}
