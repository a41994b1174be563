import { Badge, Button, Group, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconArrowsExchange, IconCircleCheck, IconCircleX, IconSend, IconUserEdit } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { type Delivery, useDeliveries, useReplay } from '../../api/deliveries'
import { useProfile } from '../../api/queries'
import type { EventDocument } from '../../api/types'
import { DeliveryRow } from '../../components/DeliveryRow'
import { Section } from '../../components/Section'
import { kindById } from '../../configuration/kinds'
import { RecordName } from '../../configuration/RecordName'
import { complaintOf, warningsOf, writes } from '../../lib/explain'

/** What the platform did with an event, step by step: checked, mapped, handed to rules, written to the profile, sent on. */
export function Outcome({ event }: { event: EventDocument }) {
  const deliveries = useDeliveries({ event: event.id }).data?.pages.flatMap(page => page.result) ?? []
  const warnings = warningsOf(event)
  const complaint = complaintOf(event)
  const { rules, flows } = event.metadata?.processed_by ?? {}
  const handled = [...(rules ?? []), ...(flows ?? [])]
  return (
    <Section title="What became of it">
      <Stack gap="md" component="ol" className="outcome">
        {complaint ? (
          <Step icon={<IconCircleX size={18} aria-hidden />} tone="bad" title="It is invalid">
            <Text size="sm" className="wrap">
              {complaint.message} It is kept, but nothing follows from it.
            </Text>
            {complaint.check && <RecordLink kind="event-validator" id={complaint.check} />}
          </Step>
        ) : (
          <Step icon={<IconCircleCheck size={18} aria-hidden />} tone="good" title={event.metadata?.error ? 'It was stored, but something failed' : 'It was stored'} />
        )}
        {warnings.map(({ record, text }, index) => (
          <Step key={index} icon={<IconAlertTriangle size={18} aria-hidden />} tone="warn" title="A part of the configuration could not be applied">
            <Text size="sm" className="wrap">
              {text}
            </Text>
            {record && <RecordLink kind={record.kind} id={record.id} />}
          </Step>
        ))}
        {handled.length > 0 && (
          <Step icon={<IconArrowsExchange size={18} aria-hidden />} title="Rules and workflows took it up">
            <Group gap={6}>
              {handled.map((name, index) => (
                <Badge key={index} color="gray">
                  {name}
                </Badge>
              ))}
            </Group>
          </Step>
        )}
        <Profile event={event} />
        {deliveries.length > 0 && <Deliveries of={deliveries} />}
      </Stack>
    </Section>
  )
}

type Tone = 'good' | 'warn' | 'bad' | 'plain'

function Step({ icon, title, tone = 'plain', children }: { icon: ReactNode; title: string; tone?: Tone; children?: ReactNode }) {
  return (
    <li className="outcome-step" data-tone={tone}>
      {icon}
      <div style={{ minWidth: 0, flex: 1 }}>
        <Text size="sm" fw={600}>
          {title}
        </Text>
        {children}
      </div>
    </li>
  )
}

/** The fields whose present value comes from this event. Later events may have written over others. */
function Profile({ event }: { event: EventDocument }) {
  const { data: profile } = useProfile(event.profile?.id)
  const written = profile ? writes(profile).filter(one => one.event === event.id) : []
  if (written.length === 0) return null
  return (
    <Step icon={<IconUserEdit size={18} aria-hidden />} title="It wrote to the profile">
      <dl className="facts" style={{ marginTop: 4 }}>
        {written.map(({ field, value }) => (
          <div key={field} style={{ display: 'contents' }}>
            <dt className="wrap">{field}</dt>
            <dd>{value || 'nothing any more'}</dd>
          </div>
        ))}
      </dl>
    </Step>
  )
}

function Deliveries({ of }: { of: readonly Delivery[] }) {
  const replay = useReplay()
  const dead = of.filter(({ state }) => state === 'dead').map(({ id }) => id)
  return (
    <Step icon={<IconSend size={18} aria-hidden />} tone={dead.length > 0 ? 'bad' : 'plain'} title="It was handed to destinations">
      <Stack gap="sm" mt={6} align="flex-start">
        {of.map(delivery => (
          <DeliveryRow key={delivery.id} delivery={delivery} title={<RecordName kind="destination" id={delivery.destination} />} />
        ))}
        {dead.length > 0 && (
          <Button size="xs" variant="default" loading={replay.isPending} onClick={() => replay.mutate({ ids: dead })}>
            Send again
          </Button>
        )}
        {replay.isError && (
          <Text size="sm" c="var(--mantine-color-error)" role="alert">
            {replay.error.message}
          </Text>
        )}
      </Stack>
    </Step>
  )
}

function RecordLink({ kind, id }: { kind: string; id: string }) {
  return (
    <Text size="xs" c="dimmed" mt={2}>
      {kindById(kind)?.label ?? kind}: <RecordName kind={kind} id={id} />
    </Text>
  )
}
