import { Button, Group, Spoiler, Text } from '@mantine/core'
import { IconRefresh } from '@tabler/icons-react'
import { useOriginal, useReplayEvent } from '../../api/originals'
import type { EventDocument } from '../../api/types'
import { useMay } from '../../auth/roles'
import { Section } from '../../components/Section'
import { Sent } from '../../components/Sent'

/** For an event that was not taken: what its client sent, and the way to have it processed once more. */
export function Original({ event }: { event: EventDocument }) {
  const refused = event.metadata?.valid === false
  const { data: original } = useOriginal(event.id, refused)
  const replay = useReplayEvent()
  const may = useMay('configure')
  if (!refused || !original) return null
  return (
    <Section title="What was sent" hint={original.altered ? 'Without what a consent was missing for' : 'As it came from the client'}>
      <Spoiler maxHeight={180} showLabel="Show all" hideLabel="Show less">
        <Sent original={original} label="What was sent" />
      </Spoiler>
      {may && (
        <Group mt="md" gap="sm">
          <Button
            size="xs"
            variant="default"
            leftSection={<IconRefresh size={14} aria-hidden />}
            loading={replay.isPending}
            onClick={() => replay.mutate(event.id)}
          >
            Process it once more
          </Button>
          <Text size="xs" c="dimmed">
            By the configuration of now, under the same id.
          </Text>
        </Group>
      )}
      {replay.isError && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert" mt="xs" className="wrap">
          {replay.error.message}
        </Text>
      )}
    </Section>
  )
}
