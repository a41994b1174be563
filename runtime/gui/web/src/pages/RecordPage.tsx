import { Anchor, Button, Group, Modal, Stack, Text } from '@mantine/core'
import { IconCopy, IconTrash } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { Link, useLocation, useNavigate, useParams } from 'react-router'
import { usePublicUrl } from '../api/queries'
import type { JsonObject } from '../api/types'
import { CopyButton } from '../components/Code'
import { EventPages } from '../components/EventPages'
import { ErrorNotice, Loading } from '../components/Notices'
import { PageHead } from '../components/PageHead'
import { Restricted } from '../components/Restricted'
import { Section } from '../components/Section'
import { eventTypesOf, isObject } from '../configuration/draft'
import type { Kind } from '../configuration/kind'
import { kindById } from '../configuration/kinds'
import { RecordForm } from '../configuration/RecordForm'
import { type ConfigurationRecord, complaintsOf, recordPath, useDeleteRecord, useProblems, useRecord } from '../configuration/records'
import { rangeByKey } from '../lib/range'
import { all, equals } from '../lib/search'
import { uuid } from '../lib/source'
import { useTitle } from '../lib/useTitle'
import NotFoundPage from './NotFoundPage'

/** One record of the configuration, or a new one. */
export default function RecordPage() {
  const { kind: name, id } = useParams()
  const kind = kindById(name)
  if (!kind) return <NotFoundPage />
  return <Restricted right={kind.right}>{id === undefined ? <New key={kind.id} kind={kind} /> : <Stored key={id} kind={kind} id={id} />}</Restricted>
}

const back = (kind: Kind) => ({ to: `/configuration/${kind.id}`, label: kind.label })

function New({ kind }: { kind: Kind }) {
  useTitle(`New ${kind.one}`)
  const navigate = useNavigate()
  const { state } = useLocation() as { state: { copy?: JsonObject } | null }
  const copy = state?.copy
  const record = useMemo(
    () => ({ ...(copy ?? kind.blank), ...(kind.derivedId ? {} : { id: uuid(bytes => crypto.getRandomValues(bytes)) }) }),
    [kind, copy],
  )
  return (
    <>
      <PageHead title={`New ${kind.one}`} subtitle={`For example: ${kind.example}`} back={back(kind)} />
      <RecordForm kind={kind} record={record} stored={false} problem={[]} onSaved={saved => void navigate(recordPath(kind.id, saved), { replace: true })} />
    </>
  )
}

function Stored({ kind, id }: { kind: Kind; id: string }) {
  const { data: record, error, isPending, isFetchedAfterMount, refetch } = useRecord(kind, id, { fresh: true })
  const problem = useProblems().data?.find(one => one.kind === kind.id && one.id === id)
  useTitle(record?.name ?? kind.label)
  // What is edited is what is stored now, not what was seen before.
  if (isPending || !isFetchedAfterMount) return <Loading />
  if (error) {
    return (
      <>
        <PageHead title={kind.label} back={back(kind)} />
        <ErrorNotice error={error} what="The record could not be loaded" retry={() => void refetch()} />
      </>
    )
  }
  return (
    <>
      <PageHead title={record.name || record.id} subtitle={kind.sentence} back={back(kind)}>
        <Group gap="sm">
          <Copy kind={kind} record={record} />
          <Delete kind={kind} record={record} />
        </Group>
      </PageHead>
      <RecordForm kind={kind} record={record} stored problem={complaintsOf(problem)} onSaved={() => undefined} aside={kind.address || eventTypesOf(record).length > 0 ? <Aside kind={kind} record={record} /> : undefined} />
    </>
  )
}

/** What is worth knowing beside the form: where the record is met from outside, and which events it is for. */
function Aside({ kind, record }: { kind: Kind; record: ConfigurationRecord }) {
  return (
    <Stack gap="lg">
      {kind.address && <Address label={kind.address.label} path={kind.address.path + encodeURIComponent(record.id)} />}
      <Affected record={record} />
    </Stack>
  )
}

function Address({ label, path }: { label: string; path: string }) {
  const url = usePublicUrl() + path
  return (
    <Section title={label} aside={<CopyButton text={url} />}>
      <Text size="sm" ff="monospace" className="wrap">
        {url}
      </Text>
    </Section>
  )
}

/** The events that the record is for: whoever changes it sees what it changes. */
function Affected({ record }: { record: ConfigurationRecord }) {
  const types = eventTypesOf(record)
  if (types.length === 0) return null
  const where = all(types.map(type => equals('type', type)).join(' OR '))
  return (
    <Section
      title={types.length === 1 ? 'Events of this type' : 'Events of these types'}
      hint="Last 7 days, newest first"
      aside={
        <Anchor component={Link} to={`/events?${new URLSearchParams({ search: where, range: '7d' }).toString()}`} size="sm">
          Show all
        </Anchor>
      }
    >
      <EventPages range={rangeByKey('7d', '7d')} where={where} empty="None came in the last 7 days." />
    </Section>
  )
}

/** Starts a new record like this one. What its id follows from must be given anew. */
function Copy({ kind, record }: { kind: Kind; record: ConfigurationRecord }) {
  const navigate = useNavigate()
  const copy = { ...record, name: `${record.name} (copy)`, ...(isObject(record.metadata) ? { metadata: null } : {}) }
  return (
    <Button
      variant="default"
      leftSection={<IconCopy size={16} aria-hidden />}
      onClick={() => void navigate(`/configuration/${kind.id}/new`, { state: { copy } })}
    >
      Duplicate
    </Button>
  )
}

function Delete({ kind, record }: { kind: Kind; record: ConfigurationRecord }) {
  const [asking, setAsking] = useState(false)
  const remove = useDeleteRecord(kind)
  const navigate = useNavigate()
  return (
    <>
      <Button variant="default" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => setAsking(true)}>
        Delete
      </Button>
      <Modal opened={asking} onClose={() => setAsking(false)} title={`Delete this ${kind.one}?`} closeButtonProps={{ 'aria-label': 'Close' }}>
        <Stack>
          <Text size="sm" className="wrap">
            “{record.name || record.id}” will be gone for good, and from then on do nothing. What it did stays.
            {kind.switchable && ' Disabling it ends its work as well, and can be undone.'}
          </Text>
          {remove.isError && <ErrorNotice error={remove.error} what="It was not deleted" />}
          <Group justify="flex-end">
            <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
              Keep it
            </Button>
            <Button
              color="red.9"
              loading={remove.isPending}
              onClick={() => remove.mutate(record.id, { onSuccess: () => void navigate(`/configuration/${kind.id}`) })}
            >
              Delete
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  )
}
