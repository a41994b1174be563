import { Alert, Anchor, Badge, Button, Group, Modal, Stack, Switch, Tabs, Text } from '@mantine/core'
import { IconInfoCircle, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { useNavigate, useParams } from 'react-router'
import { useDeleteSource, usePublicUrl, useSaveSource, useSource } from '../api/queries'
import type { EventSource } from '../api/types'
import { dataContext } from '../auth/session'
import { Code } from '../components/Code'
import { EventPages } from '../components/EventPages'
import { Facts } from '../components/Facts'
import { ErrorNotice, Loading } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { Section } from '../components/Section'
import { When } from '../components/When'
import { rangeByKey } from '../lib/range'
import { equals } from '../lib/search'
import { useStore } from '../lib/store'
import { curlSnippet, pageSnippet, shopUrl, trackSnippet } from '../lib/snippet'
import { useTitle } from '../lib/useTitle'

/** One event source: its switch, its details, the code to paste, and what came from it. */
export default function SourcePage() {
  const { id = '' } = useParams()
  const { data: source, error, isPending, refetch } = useSource(id)
  useTitle(source?.name ?? 'Event source')
  if (isPending) return <Loading />
  if (error) {
    return (
      <>
        <PageHead title="Event source" back={{ to: '/sources', label: 'Event sources' }} />
        <ErrorNotice error={error} what="The event source could not be loaded" retry={() => void refetch()} />
      </>
    )
  }
  return <Source source={source} />
}

function Source({ source }: { source: EventSource }) {
  const publicUrl = usePublicUrl()
  const save = useSaveSource()
  const staging = useStore(dataContext) === 'staging'
  const enabled = save.isPending ? (save.variables.enabled ?? source.enabled) : source.enabled
  return (
    <>
      <PageHead
        back={{ to: '/sources', label: 'Event sources' }}
        title={source.name}
        subtitle={source.description || 'No description'}
      >
        <Group>
          <Switch
            label={enabled ? 'Accepts events' : 'Refuses events'}
            checked={enabled}
            disabled={save.isPending}
            onChange={event => save.mutate({ ...source, enabled: event.currentTarget.checked })}
          />
          <DeleteSource source={source} />
        </Group>
      </PageHead>
      <Stack gap="lg">
        {save.isError && <ErrorNotice error={save.error} what="The change was not stored" />}
        {staging && (
          <Alert icon={<IconInfoCircle size={18} />} title="This source belongs to staging">
            The public API collects for production. Events for staging go to the private API, with the header “x-context: staging”.
          </Alert>
        )}
        <Section title="Put it on your site" hint="Paste this before the end of the page's head. It sends a page view and is ready for more.">
          <Tabs defaultValue="page">
            <Tabs.List mb="md">
              <Tabs.Tab value="page">Web page</Tabs.Tab>
              <Tabs.Tab value="track">Send more events</Tabs.Tab>
              <Tabs.Tab value="curl">Without a browser</Tabs.Tab>
            </Tabs.List>
            <Tabs.Panel value="page">
              <Text size="sm" mb="xs">
                <Anchor href={shopUrl(publicUrl, source.id)} target="_blank" rel="noreferrer" inherit underline="always">
                  Try it in the demo shop
                </Anchor>
                , a small site that sends to this source.
              </Text>
              <Code text={pageSnippet(publicUrl, source.id)} label="Tracker snippet" />
            </Tabs.Panel>
            <Tabs.Panel value="track">
              <Code text={trackSnippet()} label="Calls of the tracker" />
            </Tabs.Panel>
            <Tabs.Panel value="curl">
              <Code text={curlSnippet(publicUrl, source.id)} label="Example with curl" />
            </Tabs.Panel>
          </Tabs>
        </Section>
        <Section title="Details">
          <Facts
            facts={[
              ['Id', source.id],
              ['Type', source.type.join(', ')],
              ['Bridge', source.bridge?.name],
              ['Channel', source.channel],
              ['Made', source.timestamp ? <When time={source.timestamp} exact /> : null],
              ['Storage', source.transitional ? <Badge key="t" color="orange">events are not kept</Badge> : null],
            ]}
          />
        </Section>
        <Section title="Latest events" hint="Last 24 hours">
          <EventPages
            range={rangeByKey('24h', '24h')}
            where={equals('source.id', source.id)}
            empty="Nothing came from this source in the last 24 hours. Paste the snippet above to change that."
          />
        </Section>
      </Stack>
    </>
  )
}

function DeleteSource({ source }: { source: EventSource }) {
  const [asking, setAsking] = useState(false)
  const remove = useDeleteSource()
  const navigate = useNavigate()
  return (
    <>
      <Button variant="default" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => setAsking(true)}>
        Delete
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title="Delete this event source?" closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <Text size="sm">
            “{source.name}” will refuse all further events, and pages that use it get errors. Events already stored stay. Switching it off
            does the same and can be undone.
          </Text>
          {remove.isError && <ErrorNotice error={remove.error} what="It was not deleted" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
              Keep it
            </Button>
            <Button
              color="red.9"
              loading={remove.isPending}
              onClick={() => remove.mutate(source.id, { onSuccess: () => void navigate('/sources') })}
            >
              Delete
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  )
}
