import { Badge, Card, Group, SimpleGrid, Stack, Tabs, Text } from '@mantine/core'
import { IconBraces, IconClockHour4, IconDevices, IconHistory } from '@tabler/icons-react'
import { useParams } from 'react-router'
import { useProfile } from '../api/queries'
import type { ProfileDocument } from '../api/types'
import { EventPages } from '../components/EventPages'
import { ErrorNotice, Loading } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { PersonAvatar } from '../components/Person'
import { RawJson } from '../components/RawJson'
import { When } from '../components/When'
import { ANONYMOUS, emailOf, nameOf } from '../lib/profile'
import { ALL_TIME } from '../lib/range'
import { equals } from '../lib/search'
import { useTitle } from '../lib/useTitle'
import { Origins } from './profile/Origins'
import { ProfileFacts } from './profile/ProfileFacts'
import { ProfileMetrics } from './profile/ProfileMetrics'
import { Sessions } from './profile/Sessions'

/** One person: who they are, what they did, what they are worth; as stored one click away. */
export default function ProfilePage() {
  const { id = '' } = useParams()
  const { data: profile, error, isPending, refetch } = useProfile(id, { fresh: true })
  useTitle(profile ? (nameOf(profile) ?? ANONYMOUS) : 'Profile')
  if (isPending) return <Loading />
  if (error) {
    return (
      <>
        <PageHead title="Profile" back={{ to: '/profiles', label: 'Profiles' }} />
        <ErrorNotice error={error} what="The profile could not be loaded" retry={() => void refetch()} />
      </>
    )
  }
  return (
    <>
      <Head profile={profile} />
      <Stack gap="lg">
        <ProfileMetrics profile={profile} />
        <SimpleGrid cols={{ base: 1, lg: 3 }} spacing="lg" style={{ alignItems: 'start' }}>
          <Stack gap="lg">
            <ProfileFacts profile={profile} />
          </Stack>
          <div className="stream-cell">
            <Tabs defaultValue="timeline" keepMounted={false}>
              <Tabs.List mb="md">
                <Tabs.Tab value="timeline" leftSection={<IconClockHour4 size={16} aria-hidden />}>
                  Timeline
                </Tabs.Tab>
                <Tabs.Tab value="sessions" leftSection={<IconDevices size={16} aria-hidden />}>
                  Sessions
                </Tabs.Tab>
                <Tabs.Tab value="fields" leftSection={<IconHistory size={16} aria-hidden />}>
                  Origins
                </Tabs.Tab>
                <Tabs.Tab value="raw" leftSection={<IconBraces size={16} aria-hidden />}>
                  Raw JSON
                </Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="timeline">
                <Card className="card-shadow" padding="sm">
                  <EventPages range={ALL_TIME} where={equals('profile.id', profile.id)} hidePerson empty="This profile has no stored events." />
                </Card>
              </Tabs.Panel>
              <Tabs.Panel value="sessions">
                <Sessions profileId={profile.id} />
              </Tabs.Panel>
              <Tabs.Panel value="fields">
                <Origins profile={profile} />
              </Tabs.Panel>
              <Tabs.Panel value="raw">
                <RawJson value={profile} label="Stored profile" />
              </Tabs.Panel>
            </Tabs>
          </div>
        </SimpleGrid>
        <Text size="xs" c="dimmed" className="wrap">
          Profile {profile.id}
        </Text>
      </Stack>
    </>
  )
}

function Head({ profile }: { profile: ProfileDocument }) {
  const name = nameOf(profile)
  const email = emailOf(profile)
  const job = profile.data?.job
  const occupation = [job?.position, job?.company?.name].filter(Boolean).join(', ')
  return (
    <PageHead
      back={{ to: '/profiles', label: 'Profiles' }}
      icon={<PersonAvatar id={profile.id} name={name} size={64} />}
      title={name ?? ANONYMOUS}
      subtitle={
        <>
          {email && email !== name && <div>{email}</div>}
          {occupation && <div>{occupation}</div>}
          <Group gap={6} mt={6}>
            {(profile.segments ?? []).map(segment => (
              <Badge key={segment} color="teal">
                {segment}
              </Badge>
            ))}
            {!name && <Badge color="gray">not identified yet</Badge>}
            {profile.active === false && <Badge color="red">inactive</Badge>}
            <span>
              Known since <When time={profile.metadata?.time?.create ?? profile.metadata?.time?.insert} />
            </span>
          </Group>
        </>
      }
    />
  )
}
