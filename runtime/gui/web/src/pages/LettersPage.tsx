import { Alert, Badge, Button, Card, Group, Modal, Stack, Text } from '@mantine/core'
import { IconMailCheck, IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import { type Letter, useDiscardLetter, useLetters, useReplayLetters } from '../api/letters'
import { Empty, ErrorNotice } from '../components/Notices'
import { PagedList } from '../components/PagedList'
import { PageHead } from '../components/PageHead'
import { RawJson } from '../components/RawJson'
import { When } from '../components/When'
import { number } from '../lib/format'
import { useTitle } from '../lib/useTitle'

/** Requests that were accepted and that no worker could carry out, with the reason and what was sent. */
export default function LettersPage() {
  useTitle('Given up requests')
  const pages = useLetters()
  const replay = useReplayLetters()
  const some = (pages.data?.pages[0]?.result.length ?? 0) > 0
  return (
    <>
      <PageHead
        title="Given up requests"
        subtitle="They were accepted, waited in the queue, and could not be carried out; the oldest first. They are kept until somebody decides."
        back={{ to: '/configuration', label: 'Configuration' }}
      >
        {some && (
          <Button leftSection={<IconRefresh size={17} aria-hidden />} loading={replay.isPending} onClick={() => replay.mutate(undefined)}>
            Carry all out again
          </Button>
        )}
      </PageHead>
      <Card className="card-shadow">
        {replay.isError && <ErrorNotice error={replay.error} what="They were not put into the queue again" />}
        {replay.isSuccess && (
          <Alert mb="md" variant="light" color="teal" role="status">
            {number(replay.data)} {replay.data === 1 ? 'waits' : 'wait'} in the queue again. What fails once more comes back here.
          </Alert>
        )}
        <PagedList
          pages={pages}
          failure="The requests could not be loaded"
          empty={
            <Empty icon={<IconMailCheck size={24} aria-hidden />} title="Every request was carried out">
              In an installation with a queue, what was accepted and could not be carried out is listed here.
            </Empty>
          }
        >
          {one => <LetterRow key={one.id} letter={one} replay={() => replay.mutate(one.id)} replaying={replay.isPending && replay.variables === one.id} />}
        </PagedList>
      </Card>
    </>
  )
}

/** What it is, in a few words. */
export function titleOf({ accepted, events = [] }: Letter): string {
  if (accepted === undefined) return 'A request that cannot be read'
  const types = [...new Set(events.map(({ type }) => type))]
  return types.length > 0 ? types.join(', ') : 'A decision about consents'
}

function LetterRow({ letter, replay, replaying }: { letter: Letter; replay: () => void; replaying: boolean }) {
  const { id, at, reason, accepted, context, source, events = [], sent } = letter
  return (
    <li className="delivery" aria-label={`Request ${id}`}>
      <div style={{ minWidth: 0 }}>
        <Group gap={8}>
          <Text size="sm" fw={600} className="wrap" component="span">
            {titleOf(letter)}
          </Text>
          {events.length > 1 && <Badge color="gray">{number(events.length)} events</Badge>}
          {context === 'staging' && <Badge color="orange">staging</Badge>}
        </Group>
        <Text size="sm" className="wrap" c="var(--mantine-color-error)">
          {reason}
        </Text>
        <Text size="xs" c="dimmed" component="div">
          Given up <When time={at} />
          {accepted && (
            <>
              , accepted <When time={accepted} exact />
            </>
          )}
          {source && <>, from {source}</>}
        </Text>
        <details className="body">
          <summary>What was sent</summary>
          <RawJson sent={sent} label={`What was sent in request ${id}`} />
        </details>
      </div>
      <Actions id={id} replay={replay} replaying={replaying} />
    </li>
  )
}

function Actions({ id, replay, replaying }: { id: string; replay: () => void; replaying: boolean }) {
  const [asking, setAsking] = useState(false)
  const discard = useDiscardLetter()
  return (
    <Stack gap={4} align="flex-end">
      <Group gap={8}>
        <Button size="xs" variant="default" loading={replaying} onClick={replay}>
          Carry out again
        </Button>
        <Button size="xs" variant="default" onClick={() => setAsking(true)}>
          Discard
        </Button>
      </Group>
      {discard.isError && (
        <Text size="xs" c="var(--mantine-color-error)" role="alert">
          {discard.error.message}
        </Text>
      )}
      <Modal opened={asking} onClose={() => setAsking(false)} title="Discard this request?" closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <Text size="sm">Its client was told that it was accepted. What it contains is forgotten, and nothing will ever follow from it.</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
              Keep it
            </Button>
            <Button color="red.9" loading={discard.isPending} onClick={() => discard.mutate(id, { onSettled: () => setAsking(false) })}>
              Discard
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Stack>
  )
}
