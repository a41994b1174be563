import { Anchor, Button, Card, Center, Group, Modal, SegmentedControl, Select, Stack, Text } from '@mantine/core'
import { IconMailCheck, IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { type Delivery, type DeliveryState, useDeliveries, useDiscard, useReplay } from '../api/deliveries'
import { DeliveryRow } from '../components/DeliveryRow'
import { Empty, ErrorNotice, LoadingRows } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { PersonLink } from '../components/Person'
import { RawJson } from '../components/RawJson'
import { kindById } from '../configuration/kinds'
import { RecordName } from '../configuration/RecordName'
import { useRecords } from '../configuration/records'
import { shortId } from '../lib/format'
import { useTitle } from '../lib/useTitle'
import { useUrlState } from '../lib/useUrlState'

const STATES: { value: DeliveryState; label: string; none: string }[] = [
  { value: 'dead', label: 'Dead letters', none: 'Everything that was sent arrived, or is still being tried.' },
  { value: 'waiting', label: 'Waiting', none: 'There is nothing to send.' },
  { value: 'delivered', label: 'Delivered', none: 'Nothing was delivered in the last 7 days.' },
]

/** What goes out to destinations, above all what could not be delivered. */
export default function DeliveriesPage() {
  useTitle('Deliveries')
  const [chosen, setState] = useUrlState('state', 'dead')
  const [destination, setDestination] = useUrlState('destination')
  const { value: state, none } = STATES.find(({ value }) => value === chosen) ?? STATES[0]!
  const pages = useDeliveries({ state, destination })
  const deliveries = pages.data?.pages.flatMap(page => page.result) ?? []
  const destinations = useRecords(kindById('destination')).data ?? []
  return (
    <>
      <PageHead title="Deliveries" subtitle="What goes out to destinations. A dead letter was refused, or tried too often.">
        {state === 'dead' && deliveries.length > 0 && <ReplayAll destinations={destination ? [destination] : [...new Set(deliveries.map(one => one.destination))]} />}
      </PageHead>
      <Card className="card-shadow">
        <Group gap="sm" mb="sm">
          <SegmentedControl size="xs" radius="md" aria-label="State" value={state} onChange={setState} data={STATES.map(({ value, label }) => ({ value, label }))} />
          <Select
            size="xs"
            aria-label="Destination"
            placeholder="Every destination"
            clearable
            clearButtonProps={{ 'aria-label': 'Every destination' }}
            data={destinations.map(({ id, name }) => ({ value: id, label: name || id }))}
            value={destination || null}
            onChange={id => setDestination(id ?? '')}
          />
        </Group>
        {pages.isPending ? (
          <LoadingRows rows={4} />
        ) : pages.isError ? (
          <ErrorNotice error={pages.error} what="The deliveries could not be loaded" retry={() => void pages.refetch()} />
        ) : deliveries.length === 0 ? (
          <Empty icon={<IconMailCheck size={24} aria-hidden />} title={state === 'dead' ? 'No dead letters' : 'Nothing here'}>
            {none}
          </Empty>
        ) : (
          <>
            {deliveries.map(delivery => (
              <Row key={delivery.id} delivery={delivery} />
            ))}
            {pages.hasNextPage && (
              <Center mt="md">
                <Button variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
                  Show more
                </Button>
              </Center>
            )}
          </>
        )}
      </Card>
    </>
  )
}

function Row({ delivery }: { delivery: Delivery }) {
  return (
    <article className="delivery" aria-label={`Delivery ${shortId(delivery.id)}`}>
      <DeliveryRow delivery={delivery} title={<RecordName kind="destination" id={delivery.destination} />}>
        <Text size="xs" c="dimmed" mt={4} component="div">
          About{' '}
          {delivery.event ? (
            <Anchor component={Link} to={`/events/${encodeURIComponent(delivery.event)}`} inherit underline="always">
              event {shortId(delivery.event)}
            </Anchor>
          ) : delivery.profile ? (
            <PersonLink id={delivery.profile} />
          ) : (
            'a test'
          )}
        </Text>
        {delivery.body !== undefined && delivery.body !== null && (
          <details className="body">
            <summary>What is sent</summary>
            <RawJson value={delivery.body} label="Body of the delivery" />
          </details>
        )}
      </DeliveryRow>
      {delivery.state === 'dead' && <Actions delivery={delivery} />}
    </article>
  )
}

function Actions({ delivery }: { delivery: Delivery }) {
  const [asking, setAsking] = useState(false)
  const replay = useReplay()
  const discard = useDiscard()
  const failed = replay.error ?? discard.error
  return (
    <Stack gap={4} align="flex-end">
      <Group gap={8}>
        <Button size="xs" variant="default" loading={replay.isPending} onClick={() => replay.mutate({ ids: [delivery.id] })}>
          Send again
        </Button>
        <Button size="xs" variant="default" onClick={() => setAsking(true)}>
          Discard
        </Button>
      </Group>
      {failed && (
        <Text size="xs" c="var(--mantine-color-error)" role="alert">
          {failed.message}
        </Text>
      )}
      <Modal opened={asking} onClose={() => setAsking(false)} title="Discard this delivery?" closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <Text size="sm">The destination will never get it, and what it contains is forgotten. The event and the profile stay.</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
              Keep it
            </Button>
            <Button color="red.9" loading={discard.isPending} onClick={() => discard.mutate([delivery.id], { onSettled: () => setAsking(false) })}>
              Discard
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Stack>
  )
}

/** Sends all dead letters of these destinations again, those on further pages included. */
function ReplayAll({ destinations }: { destinations: string[] }) {
  const replay = useReplay()
  return (
    <Stack gap={4} align="flex-end">
      <Button leftSection={<IconRefresh size={17} aria-hidden />} loading={replay.isPending} onClick={() => replay.mutate({ destinations })}>
        Send all again
      </Button>
      {replay.isError && (
        <Text size="xs" c="var(--mantine-color-error)" role="alert">
          {replay.error.message}
        </Text>
      )}
    </Stack>
  )
}
