import { Badge, Button, Card, Group, Stack, Switch, Text, TextInput } from '@mantine/core'
import { IconPlus, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import { Link, useParams } from 'react-router'
import { Empty, ErrorNotice, LoadingRows } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { Restricted } from '../components/Restricted'
import { eventTypesOf, sourceOf, textOf } from '../configuration/draft'
import type { Kind } from '../configuration/kind'
import { kindById } from '../configuration/kinds'
import { type ConfigurationRecord, type Problem, recordPath, useProblems, useRecords, useSwitchRecord } from '../configuration/records'
import { useTitle } from '../lib/useTitle'
import { useUrlState } from '../lib/useUrlState'
import NotFoundPage from './NotFoundPage'

/** Lines that are shown at first; more on demand, so that thousands of rules do not slow the page. */
const SHOWN = 50

/** The records of one kind. */
export default function RecordsPage() {
  const kind = kindById(useParams().kind)
  if (!kind) return <NotFoundPage />
  return (
    <Restricted right={kind.right}>
      <Records key={kind.id} kind={kind} />
    </Restricted>
  )
}

function Records({ kind }: { kind: Kind }) {
  useTitle(kind.label)
  const records = useRecords(kind)
  const problems = useProblems().data?.filter(problem => problem.kind === kind.id) ?? []
  const [search, setSearch] = useUrlState('search')
  const [shown, setShown] = useState(SHOWN)
  const found = (records.data ?? []).filter(record => fits(record, search))
  const add = (
    <Button component={Link} to={`/configuration/${kind.id}/new`} leftSection={<IconPlus size={17} aria-hidden />}>
      New {kind.one}
    </Button>
  )
  return (
    <>
      <PageHead title={kind.label} subtitle={kind.sentence} back={{ to: '/configuration', label: 'Configuration' }}>
        {records.data && records.data.length > 0 && add}
      </PageHead>
      <Card className="card-shadow">
        {records.isPending ? (
          <LoadingRows rows={4} />
        ) : records.isError ? (
          <ErrorNotice error={records.error} what="The list could not be loaded" retry={() => void records.refetch()} />
        ) : records.data.length === 0 ? (
          <Empty icon={<kind.icon size={24} aria-hidden />} title={`No ${kind.one} yet`}>
            {kind.sentence} For example: {kind.example}
            <Group justify="center" mt="lg">
              {add}
            </Group>
          </Empty>
        ) : (
          <>
            <TextInput
              type="search"
              aria-label={`Search ${kind.label}`}
              placeholder="Search by name, event type, source or tag"
              leftSection={<IconSearch size={17} aria-hidden />}
              mb="xs"
              value={search}
              onChange={event => setSearch(event.currentTarget.value)}
            />
            <Stack gap={0}>
              {found.slice(0, shown).map(record => (
                <Row key={record.id} kind={kind} record={record} problem={problems.find(one => one.id === record.id)} />
              ))}
            </Stack>
            {found.length === 0 && (
              <Text size="sm" c="dimmed" ta="center" py="xl">
                Nothing here matches the search.
              </Text>
            )}
            {found.length > shown && (
              <Group justify="center" mt="md">
                <Button variant="default" onClick={() => setShown(shown + 10 * SHOWN)}>
                  Show more of {found.length}
                </Button>
              </Group>
            )}
          </>
        )}
      </Card>
    </>
  )
}

function fits(record: ConfigurationRecord, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean)
  const source = sourceOf(record)
  const tags = Array.isArray(record.tags) ? record.tags.map(textOf) : []
  const text = [record.id, record.name, textOf(record.description), source?.name, source?.id, ...eventTypesOf(record), ...tags].join(' ').toLowerCase()
  return words.every(word => text.includes(word))
}

function Row({ kind, record, problem }: { kind: Kind; record: ConfigurationRecord; problem: Problem | undefined }) {
  const types = eventTypesOf(record)
  const source = sourceOf(record)
  const gist = kind.gist(record)
  return (
    <div className="record-row">
      <Link to={recordPath(kind.id, record.id)} className="event-row" style={{ flex: 1, minWidth: 0 }}>
        <div style={{ flex: 1, minWidth: 0 }}>
          <Group gap={8}>
            <Text size="sm" fw={600} className="wrap">
              {record.name || record.id}
            </Text>
            {types.slice(0, 3).map(type => (
              <Badge key={type} color="iris">
                {type}
              </Badge>
            ))}
            {types.length > 3 && <Badge color="iris">and {types.length - 3} more</Badge>}
            {source && <Badge color="gray">{source.name}</Badge>}
          </Group>
          <Text size="xs" c="dimmed" mt={3} lineClamp={2} className="wrap">
            {[gist, textOf(record.description)].filter(Boolean).join(' · ') || 'No description'}
          </Text>
          {problem && (
            <Text size="xs" mt={4} c="var(--mantine-color-error)" className="wrap">
              Does nothing: {problem.errors[0]?.msg.split('\n')[0]}
            </Text>
          )}
        </div>
      </Link>
      {kind.switchable && <Enabled kind={kind} record={record} />}
    </div>
  )
}

function Enabled({ kind, record }: { kind: Kind; record: ConfigurationRecord }) {
  const change = useSwitchRecord(kind)
  const enabled = change.isPending ? change.variables.enabled : record.enabled === true
  return (
    <Switch
      aria-label={`${record.name || record.id} is enabled`}
      checked={enabled}
      disabled={change.isPending}
      error={change.isError ? 'Not changed' : undefined}
      title={change.isError ? change.error.message : enabled ? 'Enabled' : 'Disabled'}
      onChange={event => change.mutate({ id: record.id, enabled: event.currentTarget.checked })}
    />
  )
}
