import { Button, Stack, Text } from '@mantine/core'
import {
  type Icon, IconAlertTriangle, IconArrowsExchange, IconCircleCheck, IconCircleX, IconDeviceMobile, IconEraser, IconFingerprint, IconMapPin, IconSend,
  IconTransform, IconUserEdit, IconUsersGroup, IconWorld,
} from '@tabler/icons-react'
import { useReplay } from '../../api/deliveries'
import type { Explanation, Step } from '../../api/history'
import { useMay } from '../../auth/roles'
import { ByRecord } from '../../components/ByRecord'
import { DeliveryRow } from '../../components/DeliveryRow'
import { type Block, blocks, headOf, valueText } from '../../lib/steps'

const ICONS: Record<string, Icon> = {
  collected: IconCircleCheck,
  'found-invalid': IconCircleX,
  recognised: IconFingerprint,
  'device-known': IconDeviceMobile,
  referred: IconWorld,
  named: IconFingerprint,
  merging: IconUsersGroup,
  located: IconMapPin,
  reshaped: IconTransform,
  erased: IconEraser,
  hashed: IconEraser,
  mapped: IconTransform,
  changed: IconUserEdit,
  started: IconArrowsExchange,
  'not-started': IconArrowsExchange,
  joined: IconUsersGroup,
  identified: IconFingerprint,
  sent: IconSend,
  warned: IconAlertTriangle,
  failed: IconCircleX,
}

/** What the platform did with an event, in order, and which record did it. */
export function Steps({ explanation: { steps, left_out } }: { explanation: Explanation }) {
  return (
    <Stack gap="md" component="ol" className="outcome">
      {blocks(steps).map((block, index) => (
        <BlockRow key={index} block={block} />
      ))}
      {left_out > 0 && (
        <li>
          <Text size="sm" c="dimmed">
            {left_out} more steps were not kept.
          </Text>
        </li>
      )}
    </Stack>
  )
}

function BlockRow({ block }: { block: Block }) {
  const { title, tone } = headOf(block)
  const Mark = ICONS[block.did] ?? IconCircleCheck
  return (
    <li className="outcome-step" data-tone={tone}>
      <Mark size={18} aria-hidden />
      <div style={{ minWidth: 0, flex: 1 }}>
        <Text size="sm" fw={600}>
          {title}
        </Text>
        <Details block={block} />
        {block.by && <ByRecord by={block.by} />}
      </div>
    </li>
  )
}

function Details({ block: { did, steps } }: { block: Block }) {
  if (did === 'changed') return <ChangedFields steps={steps} />
  if (did === 'sent') return <Sent steps={steps} />
  const words = steps.flatMap(step => wordsOf(step)).join(', ')
  return (
    <>
      {words !== '' && (
        <Text size="sm" className="wrap">
          {words}
        </Text>
      )}
      {did === 'found-invalid' && (
        <Text size="sm" c="dimmed">
          It is kept, but nothing follows from it.
        </Text>
      )}
    </>
  )
}

/** What a step tells beside its title. */
function wordsOf({ did, message, parts, fields, field, flow, reason, segment, setting, place, other }: Step): string[] {
  if (did === 'started') return [segment ? `${flow ?? ''}, because of segment ${segment}` : (flow ?? '')]
  if (did === 'not-started') return [`${flow ?? ''}: ${reason ?? ''}`]
  if (did === 'named') return [`${setting ?? ''}: ${(parts ?? []).join(', ')}`]
  return [message, segment, place, other, field, ...(parts ?? []), ...(fields ?? [])].filter(word => typeof word === 'string' && word !== '') as string[]
}

/** Each field with what it was and what it is. */
function ChangedFields({ steps }: { steps: readonly Step[] }) {
  return (
    <dl className="facts" style={{ marginTop: 4 }}>
      {steps.map((step, index) => (
        <div key={index} style={{ display: 'contents' }}>
          <dt className="wrap">{step.field}</dt>
          <dd>
            <Changed {...step} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** The old value, struck out, and the new one. */
export function Changed({ value, old_value, shortened }: Pick<Step, 'value' | 'old_value' | 'shortened'>) {
  const before = valueText(old_value)
  return (
    <>
      {before && (
        <>
          <Text span inherit c="dimmed" td="line-through" className="wrap">
            {before}
          </Text>{' '}
        </>
      )}
      {shortened ? 'a value that is too long to be kept' : valueText(value) || 'nothing any more'}
    </>
  )
}

function Sent({ steps }: { steps: readonly Step[] }) {
  const replay = useReplay()
  const allowed = useMay('configure')
  const deliveries = steps.flatMap(({ delivery }) => (delivery ? [delivery] : []))
  const dead = deliveries.filter(({ state }) => state === 'dead').map(({ id }) => id)
  return (
    <Stack gap="sm" align="flex-start">
      {deliveries.map(({ id, state, attempts, error, at, due, settled_at }) =>
        state ? (
          <DeliveryRow key={id} delivery={{ state, attempts: attempts ?? 0, error: error ?? null, at: at ?? '', due: due ?? null, settled_at: settled_at ?? null }} />
        ) : (
          <Text key={id} size="xs" c="dimmed">
            It is not remembered any more what became of it.
          </Text>
        ),
      )}
      {dead.length > 0 && allowed && (
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
  )
}
