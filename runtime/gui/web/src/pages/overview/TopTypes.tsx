import { Box, Group, Skeleton, Stack, Text, useComputedColorScheme } from '@mantine/core'
import { seriesColour } from '../../charts/colours'
import { Section } from '../../components/Section'
import { typeName } from '../../lib/events'
import { number } from '../../lib/format'
import { OTHER, type Stacked } from '../../lib/histogram'

/** The most frequent types of a range, in the colours of the chart. */
export function TopTypes({ data, words }: { data: Stacked | null; words: string }) {
  const scheme = useComputedColorScheme('light')
  const most = Math.max(1, ...(data?.series.map(series => series.total) ?? []))
  return (
    <Section title="Most frequent" hint={`Types of the ${words}`}>
      {data === null ? (
        <Stack gap="lg">
          {[80, 60, 45].map(width => (
            <Skeleton key={width} h={14} w={`${width}%`} />
          ))}
        </Stack>
      ) : data.series.length === 0 ? (
        <Text size="sm" c="dimmed">
          Nothing yet.
        </Text>
      ) : (
        <Stack gap={14} component="ul" p={0} m={0} style={{ listStyle: 'none' }}>
          {data.series.map((series, at) => (
            <li key={series.name}>
              <Group justify="space-between" wrap="nowrap" mb={5}>
                <Text size="sm" truncate>
                  {series.name === OTHER ? 'All others' : typeName(series.name)}
                </Text>
                <Text size="sm" fw={600} className="number">
                  {number(series.total)}
                </Text>
              </Group>
              <Box h={7} bg="var(--app-hover)" style={{ borderRadius: 4 }} aria-hidden>
                <Box
                  h={7}
                  w={`${Math.max(1.5, (series.total / most) * 100)}%`}
                  bg={seriesColour(scheme, at, series.name)}
                  style={{ borderRadius: 4, transition: 'width 300ms ease' }}
                />
              </Box>
            </li>
          ))}
        </Stack>
      )}
    </Section>
  )
}
