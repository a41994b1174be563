import { Button, Center, Stack, Text } from '@mantine/core'
import { IconMoodEmpty } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { usePages } from '../api/queries'
import { timeOf } from '../lib/events'
import { day, parseTime } from '../lib/format'
import type { Range } from '../lib/range'
import { EventRow } from './EventRow'
import { Empty, ErrorNotice, LoadingRows } from './Notices'

interface Props {
  range: Range
  where: string
  hidePerson?: boolean
  /** Said when there is nothing. */
  empty: ReactNode
}

/** Events of a range, newest first, under the days they happened on, fetched page by page. */
export function EventPages({ range, where, hidePerson = false, empty }: Props) {
  const pages = usePages('event', range, where)
  if (pages.isPending) return <LoadingRows rows={8} />
  if (pages.isError) return <ErrorNotice error={pages.error} what="The events could not be loaded" retry={() => void pages.refetch()} />
  const events = pages.data.pages.flatMap(page => page.result)
  if (events.length === 0) {
    return (
      <Empty icon={<IconMoodEmpty size={24} aria-hidden />} title="No events here">
        {empty}
      </Empty>
    )
  }
  let lastDay = ''
  return (
    <>
      <Stack gap={0} aria-busy={pages.isFetching}>
        {events.map(event => {
          const date = parseTime(timeOf(event))
          const today = date ? day(date) : ''
          const heading = today !== lastDay
          lastDay = today
          return (
            <div key={event.id}>
              {heading && today && (
                <Text component="h3" size="xs" fw={600} c="dimmed" px={12} pt="md" pb={4} m={0}>
                  {today}
                </Text>
              )}
              <EventRow event={event} hidePerson={hidePerson} />
            </div>
          )
        })}
      </Stack>
      {pages.hasNextPage && (
        <Center mt="md">
          <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Show more
          </Button>
        </Center>
      )}
    </>
  )
}
