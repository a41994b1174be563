import { Card, Group, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

interface Props {
  title: string
  /** Shown at the right of the title. */
  aside?: ReactNode
  hint?: string
  children: ReactNode
}

/** A card with a heading. */
export function Section({ title, aside, hint, children }: Props) {
  return (
    <Card className="card-shadow" component="section" aria-label={title} style={{ overflow: 'visible' }}>
      <Group justify="space-between" mb="md" gap="sm" align="flex-start">
        <div>
          <Title order={2}>{title}</Title>
          {hint && (
            <Text size="xs" c="dimmed" mt={2}>
              {hint}
            </Text>
          )}
        </div>
        {aside}
      </Group>
      {children}
    </Card>
  )
}
