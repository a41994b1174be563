import { Anchor, Badge, Group, Stack, Text } from '@mantine/core'
import { IconAlertTriangle, IconArrowsExchange, IconCircleCheck, IconCircleX, IconUserEdit } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { useProfile } from '../../api/queries'
import type { EventDocument } from '../../api/types'
import { useMay } from '../../auth/roles'
import { Section } from '../../components/Section'
import { kindById } from '../../configuration/kinds'
import { recordPath, useRecords } from '../../configuration/records'
import { complaintOf, warningsOf, writes } from '../../lib/explain'

/** What the platform did with an event, step by step: checked, mapped, handed to rules, written to the profile. */
export function Outcome({ event }: { event: EventDocument }) {
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

/** The name of a configuration record, as a link for those who may open it. */
function RecordName({ kind: kindId, id }: { kind: string; id: string }) {
  const kind = kindById(kindId)
  const allowed = useMay(kind?.right ?? 'configure')
  const record = useRecords(kind).data?.find(one => one.id === id)
  if (!kind || !allowed || !record) return <>{id}</>
  return (
    <Anchor component={Link} to={recordPath(kind.id, id)} inherit underline="always">
      {record.name || id}
    </Anchor>
  )
}

function RecordLink({ kind, id }: { kind: string; id: string }) {
  return (
    <Text size="xs" c="dimmed" mt={2}>
      {kindById(kind)?.label ?? kind}: <RecordName kind={kind} id={id} />
    </Text>
  )
}
