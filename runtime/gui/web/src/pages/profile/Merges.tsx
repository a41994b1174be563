import { Button, Center, Stack, Text } from '@mantine/core'
import { useMerges } from '../../api/history'
import { Section } from '../../components/Section'
import { When } from '../../components/When'
import { shortId } from '../../lib/format'

/** The profiles that were merged into one: when, and by which ids they were recognised. Nothing when there are none. */
export function Merges({ profile }: { profile: string }) {
  const pages = useMerges(profile)
  const merges = pages.data?.pages.flatMap(page => page.result) ?? []
  if (merges.length === 0) return null
  return (
    <Section title="Merged profiles" hint="Their ids lead here, and so do their events and sessions">
      <Stack component="ol" gap="sm" className="outcome">
        {merges.map(({ merged, into, at, keys }) => (
          <li key={`${merged} ${at}`}>
            <Text size="sm" className="wrap" fw={550}>
              {merged}
            </Text>
            <Text size="xs" c="dimmed" className="wrap" component="div">
              <When time={at} exact />
              {into !== profile && <>, into {shortId(into)}</>}
              {keys.length > 0 && <>; both had {keys.join(', ')}</>}
            </Text>
          </li>
        ))}
      </Stack>
      {pages.hasNextPage && (
        <Center mt="sm">
          <Button size="xs" variant="default" loading={pages.isFetchingNextPage} onClick={() => void pages.fetchNextPage()}>
            Show more
          </Button>
        </Center>
      )}
    </Section>
  )
}
