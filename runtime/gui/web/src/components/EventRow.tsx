import { Group, Text } from '@mantine/core'
import { memo } from 'react'
import { Link } from 'react-router'
import type { EventDocument } from '../api/types'
import { eventName, placeOf, sentence, timeOf } from '../lib/events'
import { EventIcon } from './EventIcon'
import { PersonName } from './Person'
import { When } from './When'

interface Props {
  event: EventDocument
  /** Leave out who it was, on a page that is about that person. */
  hidePerson?: boolean
  arriving?: boolean
}

/** One event as a line: what happened, who, where, when. The whole line leads to its page. */
export const EventRow = memo(function EventRow({ event, hidePerson = false, arriving = false }: Props) {
  const what = sentence(event)
  const place = placeOf(event) ?? event.metadata?.channel ?? eventName(event)
  const profile = event.profile?.id
  return (
    <Link to={`/events/${encodeURIComponent(event.id)}`} className={`event-row${arriving ? ' arriving' : ''}`}>
      <EventIcon type={event.type} />
      <div style={{ flex: 1, minWidth: 0 }}>
        <Text size="sm" fw={550} className="sentence" lineClamp={2}>
          {what}
        </Text>
        <Group gap={6} c="dimmed" fz="xs" mt={2} wrap="nowrap">
          {!hidePerson && (
            <Text span inherit truncate maw="60%" flex="none">
              {profile ? <PersonName id={profile} /> : 'Nobody known'}
            </Text>
          )}
          {!hidePerson && <span aria-hidden>·</span>}
          <Text span inherit truncate flex="0 1 auto" miw={0}>
            {place}
          </Text>
        </Group>
      </div>
      <Text size="xs" c="dimmed" pt={2} component="span">
        <When time={timeOf(event)} />
      </Text>
    </Link>
  )
})
