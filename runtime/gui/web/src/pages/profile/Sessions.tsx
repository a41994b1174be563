import { Button, Card, Center, Group, Stack, Text } from '@mantine/core'
import { IconDeviceDesktop, IconDeviceMobile, IconDevices } from '@tabler/icons-react'
import { Link } from 'react-router'
import { usePages } from '../../api/queries'
import type { SessionDocument } from '../../api/types'
import { Empty, ErrorNotice, LoadingRows } from '../../components/Notices'
import { When } from '../../components/When'
import { appName, deviceName, osName, placeName } from '../../lib/device'
import { shortId } from '../../lib/format'
import { ALL_TIME } from '../../lib/range'
import { equals } from '../../lib/search'

/** The sessions of a person, newest first. */
export function Sessions({ profileId }: { profileId: string }) {
  const pages = usePages('session', ALL_TIME, equals('profile.id', profileId))
  const sessions = pages.data?.pages.flatMap(page => page.result) ?? []
  return (
    <Card className="card-shadow" padding="sm" style={{ overflow: 'visible' }}>
      {pages.isPending ? (
        <LoadingRows rows={3} />
      ) : pages.isError ? (
        <ErrorNotice error={pages.error} what="The sessions could not be loaded" retry={() => void pages.refetch()} />
      ) : sessions.length === 0 ? (
        <Empty icon={<IconDevices size={24} aria-hidden />} title="No sessions">
          This profile came in without one.
        </Empty>
      ) : (
        <Stack gap={0}>
          {sessions.map(session => (
            <SessionRow key={session.id} session={session} />
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
  )
}

function SessionRow({ session }: { session: SessionDocument }) {
  const mobile = /mobile|phone|tablet/i.test(session.device?.type ?? '')
  const Icon = mobile ? IconDeviceMobile : IconDeviceDesktop
  const title = [appName(session.app), osName(session.os)].filter(Boolean).join(' on ') || `Session ${shortId(session.id)}`
  const rest = [deviceName(session.device), placeName(session.device?.geo), session.metadata?.channel].filter(Boolean).join(' · ')
  return (
    <Link to={`/sessions/${encodeURIComponent(session.id)}`} className="event-row">
      <span className="chip" data-category="other" style={{ width: 36, height: 36 }} aria-hidden>
        <Icon size={19} stroke={1.8} />
      </span>
      <div style={{ flex: 1, minWidth: 0 }}>
        <Text size="sm" fw={550}>
          {title}
        </Text>
        <Group gap={6}>
          <Text size="xs" c="dimmed">
            {rest || shortId(session.id)}
          </Text>
        </Group>
      </div>
      <Text size="xs" c="dimmed" component="span">
        <When time={session.metadata?.time?.insert} />
      </Text>
    </Link>
  )
}
