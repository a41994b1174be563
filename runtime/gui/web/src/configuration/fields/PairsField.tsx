import { ActionIcon, Button, Input, Stack, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useId, useState } from 'react'
import type { Json } from '../../api/types'
import { Complaints } from '../../components/Complaint'
import { below, elsewhere, isObject, textOf } from '../draft'
import type { FieldOf } from '../kind'
import { JsonInput } from './CodeFields'
import type { FieldProps } from './props'

interface Pair {
  /** Tells the rows apart while their names change. */
  key: number
  name: string
  value: Json | undefined
}

const MONO = { input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }

/** An object whose names are typed, too: a row for each. */
export function PairsField({ field, value, onChange, complaints }: FieldProps<FieldOf<'pairs'>>) {
  const [pairs, setPairs] = useState<Pair[]>(() => Object.entries(isObject(value) ? value : {}).map(([name, one], key) => ({ key, name, value: one })))
  const labelled = useId()

  function change(next: Pair[]) {
    setPairs(next)
    // A row that is not finished yet stays in the form and out of the record.
    onChange(Object.fromEntries(next.filter(({ name }) => name.trim() !== '').map(({ name, value: one }) => [name.trim(), one ?? null])))
  }
  const set = (key: number, part: Partial<Pair>) => change(pairs.map(pair => (pair.key === key ? { ...pair, ...part } : pair)))
  const twice = (name: string) => name.trim() !== '' && pairs.filter(pair => pair.name.trim() === name.trim()).length > 1
  const general = elsewhere(complaints, pairs.map(({ name }) => [name.trim()]))

  return (
    <Input.Wrapper
      label={field.label}
      labelElement="div"
      labelProps={{ id: labelled }}
      description={field.help}
      error={general.length > 0 ? <Complaints of={general} /> : undefined}
      role="group"
      aria-labelledby={labelled}
    >
      <Stack gap={10} mt={8}>
        {pairs.map(({ key, name, value: one }, index) => {
          const wrong = below(complaints, [name.trim()])
          const spoken = `${field.values.label} ${index + 1}`
          return (
            <div key={key} className="field-row">
              <div className="pair">
                <div className="field-columns">
                  <TextInput
                    label={field.names.label}
                    placeholder={field.names.placeholder}
                    required
                    styles={MONO}
                    value={name}
                    error={twice(name) ? 'This stands here twice; the last one counts' : undefined}
                    onChange={event => set(key, { name: event.currentTarget.value })}
                  />
                  {field.json ? (
                    <JsonInput
                      field={{ type: 'json', path: '', label: field.values.label, placeholder: '' }}
                      placeholder={field.values.placeholder}
                      minRows={2}
                      value={one}
                      complaints={wrong}
                      refuse={read => (read === undefined ? 'A schema is needed; {} allows everything' : null)}
                      onChange={next => set(key, { value: next })}
                    />
                  ) : (
                    <TextInput
                      label={field.values.label}
                      placeholder={field.values.placeholder}
                      required
                      styles={MONO}
                      value={textOf(one)}
                      error={wrong.length > 0 ? <Complaints of={wrong} /> : undefined}
                      onChange={event => set(key, { value: event.currentTarget.value })}
                    />
                  )}
                </div>
                <RemoveButton label={`Remove ${name || spoken}`} onClick={() => change(pairs.filter(pair => pair.key !== key))} />
              </div>
            </div>
          )
        })}
        <div>
          <Button
            variant="default"
            size="xs"
            leftSection={<IconPlus size={15} aria-hidden />}
            onClick={() => setPairs([...pairs, { key: 1 + Math.max(-1, ...pairs.map(({ key }) => key)), name: '', value: undefined }])}
          >
            {field.add}
          </Button>
        </div>
      </Stack>
    </Input.Wrapper>
  )
}

export function RemoveButton({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <ActionIcon variant="subtle" color="gray" size={36} aria-label={label} title="Remove" onClick={onClick}>
      <IconTrash size={17} aria-hidden />
    </ActionIcon>
  )
}
