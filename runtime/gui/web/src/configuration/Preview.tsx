import { Button, Group, Text } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { call } from '../api/client'
import type { Page, ProfileDocument } from '../api/types'
import { PersonLink } from '../components/Person'
import { number } from '../lib/format'

/** Profiles whose names are shown. */
const SHOWN = 5

/** For how many profiles a condition is true now, asked when somebody wants to know, and who some of them are. */
export function Preview({ condition }: { condition: string }) {
  const ask = useMutation({
    mutationFn: async (text: string) => {
      const found = await call<Page<ProfileDocument>>('/profile/select/condition', { method: 'POST', json: { condition: text, limit: SHOWN } })
      return { text, ...found }
    },
  })
  // The answer to another condition says nothing.
  const answer = ask.data?.text === condition ? ask.data : undefined
  const failed = ask.error && ask.variables === condition ? ask.error : null
  return (
    <Group gap="sm" align="center">
      <Button size="xs" variant="default" disabled={condition.trim() === ''} loading={ask.isPending} onClick={() => ask.mutate(condition)}>
        Who is that now?
      </Button>
      <Text size="sm" role="status" component="div" c={failed ? 'var(--mantine-color-error)' : undefined} className="wrap">
        {failed?.message}
        {answer && <Matches total={answer.total} profiles={answer.result.map(({ id }) => id)} />}
      </Text>
    </Group>
  )
}

function Matches({ total, profiles }: { total: number; profiles: readonly string[] }) {
  if (total === 0) return <>Nobody. Profiles join when an event changes them.</>
  return (
    <>
      {total === 1 ? '1 profile' : `${number(total)} profiles`}:{' '}
      {profiles.map((id, index) => (
        <span key={id}>
          {index > 0 && ', '}
          <PersonLink id={id} />
        </span>
      ))}
      {total > profiles.length && ' …'}
    </>
  )
}
