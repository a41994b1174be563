import { Badge, Group, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Delivery, DeliveryState } from '../api/deliveries'
import { When } from './When'

const STATES: Record<DeliveryState, { label: string; colour: string }> = {
  waiting: { label: 'waiting', colour: 'blue' },
  delivered: { label: 'delivered', colour: 'teal' },
  dead: { label: 'given up', colour: 'red' },
}

type Outcome = Pick<Delivery, 'state' | 'attempts' | 'error' | 'at' | 'due' | 'settled_at'>

/** What became of a delivery: its state, how often it was tried, when, and why it failed. */
export function DeliveryRow({ delivery, title, children }: { delivery: Outcome; title?: ReactNode; children?: ReactNode }) {
  const { state, attempts, error, at, due, settled_at } = delivery
  const { label, colour } = STATES[state]
  return (
    <div style={{ minWidth: 0 }}>
      <Group gap={8}>
        {title && (
          <Text size="sm" fw={600} className="wrap" component="span">
            {title}
          </Text>
        )}
        <Badge color={colour}>{label}</Badge>
      </Group>
      <Text size="xs" c="dimmed" mt={2} component="div">
        {attempts === 0 ? 'Not tried yet' : `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`}
        {state === 'waiting' && attempts > 0 && due ? <>, next <When time={due} exact /></> : <>, <When time={settled_at ?? at} /></>}
      </Text>
      {error && (
        <Text size="xs" mt={4} className="wrap" c={state === 'dead' ? 'var(--mantine-color-error)' : 'dimmed'}>
          {error}
        </Text>
      )}
      {children}
    </div>
  )
}
