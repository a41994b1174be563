import { Button, Group, Select, Text } from '@mantine/core'
import { IconPlayerPause, IconPlayerPlay, IconRadar } from '@tabler/icons-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { type LiveState, useLiveEvents } from '../../api/live'
import { useLatest } from '../../api/queries'
import type { EventDocument } from '../../api/types'
import { EventRow } from '../../components/EventRow'
import { Empty, ErrorNotice, LoadingRows } from '../../components/Notices'
import { Section } from '../../components/Section'
import { FirstSteps } from './FirstSteps'
import { categoryOf, mergeNewest, sentence, typeName } from '../../lib/events'
import { rangeByKey } from '../../lib/range'

/** Choice that leaves out what the platform reports by itself. No event type has a blank in it. */
const VISITORS = 'what visitors do'
/** Rows that are kept; older ones are on the page of events. */
const KEPT = 200
const SHOWN = 14
/** A burst is shown in one step instead of redrawing for each event. */
const BATCH_MS = 250
/** What follows from new events (counters, chart) is fetched at most this often. */
const NOTIFY_MS = 3_000

const STATES: Record<LiveState, string> = {
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'Reconnecting',
  off: 'Off',
}

/** Events as they arrive. New ones move in at the top; pausing collects them until it goes on. */
export function LiveStream({ onNew }: { onNew: (events: EventDocument[]) => void }) {
  const recent = useLatest('event', rangeByKey('24h', '24h'), '', 30)
  const [arrived, setArrived] = useState<EventDocument[]>([])
  const [held, setHeld] = useState<EventDocument[]>([])
  const [paused, setPaused] = useState(false)
  const [type, setType] = useState<string | null>(null)
  const batch = useRef<EventDocument[]>([])
  const fresh = useRef(new Set<string>())
  const pausedNow = useRef(paused)
  pausedNow.current = paused

  const state = useLiveEvents({
    onEvent: event => batch.current.unshift(event),
    // What passed unseen is stored: fetch it.
    onGap: () => void recent.refetch(),
  })

  const notify = useRef(onNew)
  notify.current = onNew
  useEffect(() => {
    let lastNotice = 0
    let owed: EventDocument[] = []
    const timer = setInterval(() => {
      const now = Date.now()
      if (batch.current.length > 0) {
        const events = batch.current.splice(0)
        for (const event of events) fresh.current.add(event.id)
        if (pausedNow.current) setHeld(before => mergeNewest(before, events, KEPT))
        else setArrived(before => mergeNewest(before, events, KEPT))
        owed = mergeNewest(owed, events, KEPT)
      }
      if (owed.length > 0 && now - lastNotice >= NOTIFY_MS) {
        lastNotice = now
        notify.current(owed)
        owed = []
      }
    }, BATCH_MS)
    return () => clearInterval(timer)
  }, [])

  function toggle() {
    if (paused) {
      setArrived(before => mergeNewest(before, held, KEPT))
      setHeld([])
    }
    setPaused(!paused)
  }

  const events = useMemo(() => mergeNewest(recent.data?.result ?? [], arrived, KEPT), [recent.data, arrived])
  const types = useMemo(() => [...new Set(events.map(event => event.type))].sort(), [events])
  const shown = events.filter(event => type === null || (type === VISITORS ? categoryOf(event.type) !== 'system' : event.type === type)).slice(0, SHOWN)
  const newest = arrived[0]

  return (
    <Section
      title="Live"
      aside={
        <Group gap="xs">
          <Group gap={8} mr={4}>
            <span className="pulse" data-state={paused ? 'off' : state} />
            <Text size="sm" c="dimmed" role="status">
              {paused ? `Paused${held.length > 0 ? `, ${held.length} waiting` : ''}` : STATES[state]}
            </Text>
          </Group>
          <Select
            size="xs"
            w={{ base: 130, sm: 160 }}
            aria-label="Which events are shown"
            placeholder="All types"
            clearable
            value={type}
            onChange={setType}
            data={[{ value: VISITORS, label: 'What visitors do' }, ...types.map(value => ({ value, label: typeName(value) }))]}
          />
          <Button
            size="xs"
            variant="default"
            onClick={toggle}
            leftSection={paused ? <IconPlayerPlay size={14} aria-hidden /> : <IconPlayerPause size={14} aria-hidden />}
          >
            {paused ? 'Go on' : 'Pause'}
          </Button>
        </Group>
      }
    >
      <div className="visually-hidden" aria-live="polite" role="log">
        {!paused && newest ? sentence(newest) : ''}
      </div>
      {recent.isError && events.length === 0 ? (
        <ErrorNotice error={recent.error} what="The latest events could not be loaded" retry={() => void recent.refetch()} />
      ) : recent.isPending && events.length === 0 ? (
        <LoadingRows rows={7} />
      ) : shown.length === 0 ? (
        <Empty icon={<IconRadar size={24} aria-hidden />} title={type ? 'Nothing of this kind yet' : 'Waiting for the first event'}>
          {type ? 'Such events appear here as soon as they are stored.' : <FirstSteps />}
        </Empty>
      ) : (
        <div style={{ margin: '0 -12px' }}>
          {shown.map(event => (
            <EventRow key={event.id} event={event} arriving={fresh.current.has(event.id)} />
          ))}
        </div>
      )}
    </Section>
  )
}
