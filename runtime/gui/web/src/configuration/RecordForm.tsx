import { Alert, Button, Card, Group, Stack, Switch, Tabs, Text } from '@mantine/core'
import { IconAlertTriangle, IconBraces, IconForms } from '@tabler/icons-react'
import { type FormEvent, type ReactNode, useEffect, useState } from 'react'
import { ApiError, type FieldError } from '../api/errors'
import type { JsonObject } from '../api/types'
import { Complaints } from '../components/Complaint'
import { ErrorNotice } from '../components/Notices'
import { Section } from '../components/Section'
import { elsewhere, isObject, steps } from './draft'
import { JsonInput } from './fields/CodeFields'
import { Fields } from './fields/Fields'
import type { Kind } from './kind'
import { useSaveRecord } from './records'

interface Props {
  kind: Kind
  /** What is edited: a stored record, or a new one. */
  record: JsonObject
  stored: boolean
  /** What is wrong with the stored record, if it does nothing. */
  problem: readonly FieldError[]
  onSaved: (id: string) => void
  /** Shown beside the form, for a record that is stored. */
  aside?: ReactNode
}

/** The form of a record, and the same as JSON. What the server refuses stands at the field that it names. */
export function RecordForm({ kind, record, stored, problem, onSaved, aside }: Props) {
  const [base, setBase] = useState(record)
  const [draft, setDraft] = useState(record)
  // Undoing starts all inputs anew, those included that keep what is typed.
  const [edition, setEdition] = useState(0)
  const save = useSaveRecord(kind)
  const dirty = draft !== base
  const refused = save.error instanceof ApiError && save.error.fields.length > 0 ? save.error.fields : null
  const complaints = refused ?? (dirty || save.isSuccess ? [] : problem)
  const shown = kind.sections.flatMap(section => section.fields).filter(field => field.when?.(draft) ?? true)
  const loose = elsewhere(complaints, shown.map(field => steps(field.path)))

  useEffect(() => {
    if (!dirty) return
    const warn = (event: BeforeUnloadEvent) => event.preventDefault()
    window.addEventListener('beforeunload', warn)
    return () => window.removeEventListener('beforeunload', warn)
  }, [dirty])

  useEffect(() => {
    // The first wrong field is led to, as the browser does with those that it checks itself.
    if (refused) document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [refused])

  function submit(event: FormEvent) {
    event.preventDefault()
    save.mutate(draft, {
      onSuccess: id => {
        setBase(draft)
        onSaved(id)
      },
    })
  }

  return (
    <form onSubmit={submit} key={edition} className={aside ? undefined : 'form-alone'}>
      <Stack gap="lg">
        {save.isError && !refused && <ErrorNotice error={save.error} what="It was not saved" />}
        {complaints.length > 0 && (
          <Alert color="red" icon={<IconAlertTriangle size={18} aria-hidden />} title={refused ? 'It was not saved' : 'This record does nothing'} role="alert">
            <Text size="sm">
              {refused
                ? 'The fields below say what is wrong with them.'
                : 'It is stored but cannot be used as it is; events pass it by. Correct what is marked and save it.'}
            </Text>
            <Complaints of={loose} />
          </Alert>
        )}
        <Tabs defaultValue="form" keepMounted={false}>
          <Tabs.List mb="lg">
            <Tabs.Tab value="form" leftSection={<IconForms size={16} aria-hidden />}>
              Form
            </Tabs.Tab>
            <Tabs.Tab value="json" leftSection={<IconBraces size={16} aria-hidden />}>
              JSON
            </Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="form">
            <div className={aside ? 'form-with-aside' : undefined}>
              <Stack gap="lg">
                {kind.sections.map(({ title, hint, fields }) => (
                  <Section key={title} title={title} hint={hint}>
                    <Stack gap="md">
                      <Fields fields={fields} value={draft} onChange={setDraft} complaints={complaints} stored={stored} />
                    </Stack>
                  </Section>
                ))}
              </Stack>
              {aside}
            </div>
          </Tabs.Panel>
          <Tabs.Panel value="json">
            <JsonInput
              field={{ type: 'json', path: '', label: 'Record', placeholder: '', help: 'Exactly what the API stores' }}
              value={draft}
              minRows={12}
              maxRows={40}
              complaints={complaints}
              refuse={value => (isObject(value) ? null : 'A record is a JSON object')}
              onChange={value => setDraft(isObject(value) ? value : draft)}
            />
          </Tabs.Panel>
        </Tabs>
      </Stack>
      <Card className="save-bar" shadow="md" padding="sm">
        <Group justify="space-between" gap="sm">
          {kind.switchable ? (
            <Switch
              label={draft.enabled === true ? 'Enabled' : 'Disabled: it does nothing'}
              checked={draft.enabled === true}
              onChange={event => setDraft({ ...draft, enabled: event.currentTarget.checked })}
            />
          ) : (
            <span />
          )}
          <Group gap="sm">
            <Text size="sm" c="dimmed" role="status">
              {save.isSuccess && !dirty ? 'Saved, in force' : dirty && stored ? 'Not saved yet' : ''}
            </Text>
            {dirty && (
              <Button
                variant="default"
                onClick={() => {
                  setDraft(base)
                  setEdition(edition + 1)
                  save.reset()
                }}
              >
                Undo
              </Button>
            )}
            <Button type="submit" loading={save.isPending} disabled={stored && !dirty}>
              {stored ? 'Save' : 'Create'}
            </Button>
          </Group>
        </Group>
      </Card>
    </form>
  )
}
