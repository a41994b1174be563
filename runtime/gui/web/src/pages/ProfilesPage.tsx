import { Badge, Button, Card, Center, Group, Stack, Text } from '@mantine/core'
import { IconUsers } from '@tabler/icons-react'
import { Link } from 'react-router'
import { usePages } from '../api/queries'
import type { ProfileDocument } from '../api/types'
import { Empty, ErrorNotice, LoadingRows } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { PersonAvatar } from '../components/Person'
import { SearchBox } from '../components/SearchBox'
import { When } from '../components/When'
import { shortId } from '../lib/format'
import { ANONYMOUS, emailOf, nameOf, visitsOf } from '../lib/profile'
import { ALL_TIME } from '../lib/range'
import { PROFILE_FIELDS, searchFor } from '../lib/search'
import { useTitle } from '../lib/useTitle'
import { useUrlState } from '../lib/useUrlState'

/** Everybody who is known, the latest first. */
export default function ProfilesPage() {
  useTitle('Profiles')
  const [search, setSearch] = useUrlState('search')
  const pages = usePages('profile', ALL_TIME, searchFor(search, PROFILE_FIELDS))
  const profiles = pages.data?.pages.flatMap(page => page.result) ?? []
  return (
    <>
      <PageHead title="Profiles" subtitle="People and visitors, the latest first." />
      <Card className="card-shadow">
        <Group mb="md">
          <SearchBox
            index="profile"
            value={search}
            onChange={setSearch}
            label="Search profiles"
            placeholder="Search by name, e-mail, phone or id"
            example={'data.contact.email.main EXISTS AND metadata.time.visit.count > 3'}
          />
        </Group>
        {pages.isPending ? (
          <LoadingRows rows={8} />
        ) : pages.isError ? (
          <ErrorNotice error={pages.error} what="The profiles could not be loaded" retry={() => void pages.refetch()} />
        ) : profiles.length === 0 ? (
          <Empty icon={<IconUsers size={24} aria-hidden />} title="Nobody here">
            {search ? 'No profile matches the search.' : 'A profile is made with the first event of a visitor.'}
          </Empty>
        ) : (
          <Stack gap={0} style={{ margin: '0 -12px' }} aria-busy={pages.isFetching}>
            {profiles.map(profile => (
              <ProfileRow key={profile.id} profile={profile} />
            ))}
            {pages.hasNextPage && (
              <Center mt="md">
                <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                  Show more
                </Button>
              </Center>
            )}
          </Stack>
        )}
      </Card>
    </>
  )
}

function ProfileRow({ profile }: { profile: ProfileDocument }) {
  const name = nameOf(profile)
  const email = emailOf(profile)
  const visits = visitsOf(profile)
  const segments = profile.segments ?? []
  return (
    <Link to={`/profiles/${encodeURIComponent(profile.id)}`} className="event-row" style={{ alignItems: 'center' }}>
      <PersonAvatar id={profile.id} name={name} size={40} />
      <div style={{ flex: 1, minWidth: 0 }}>
        <Text size="sm" fw={550} truncate>
          {name ?? ANONYMOUS}
        </Text>
        <Text size="xs" c="dimmed" truncate>
          {email && email !== name ? email : shortId(profile.id)}
        </Text>
      </div>
      <Group gap={6} visibleFrom="md">
        {segments.slice(0, 3).map(segment => (
          <Badge key={segment} color="teal" size="sm">
            {segment}
          </Badge>
        ))}
      </Group>
      <Text size="xs" c="dimmed" ta="right" component="div">
        <div>{visits === 1 ? '1 visit' : `${visits} visits`}</div>
        <When time={profile.metadata?.time?.update ?? profile.metadata?.time?.insert} />
      </Text>
    </Link>
  )
}
