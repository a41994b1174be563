import { Group, Text, useComputedColorScheme } from '@mantine/core'
import { typeName } from '../lib/events'
import type { Stacked } from '../lib/histogram'
import { OTHER } from '../lib/histogram'
import { seriesColour } from './colours'

/** Which colour is which type. */
export function Legend({ data }: { data: Stacked }) {
  const scheme = useComputedColorScheme('light')
  return (
    <Group gap="md" mt="sm" aria-hidden>
      {data.series.map((series, at) => (
        <Group key={series.name} gap={7} wrap="nowrap">
          <span style={{ width: 9, height: 9, borderRadius: 3, background: seriesColour(scheme, at, series.name) }} />
          <Text size="xs" c="dimmed">
            {series.name === OTHER ? 'All others' : typeName(series.name)}
          </Text>
        </Group>
      ))}
    </Group>
  )
}
