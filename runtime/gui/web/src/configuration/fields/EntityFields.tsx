import { MultiSelect, Select, TagsInput, TextInput } from '@mantine/core'
import { useSources } from '../../api/queries'
import { idOf, listOf } from '../draft'
import type { FieldOf, Source } from '../kind'
import { kindById } from '../kinds'
import { useRecords } from '../records'
import { common, type FieldProps } from './props'

interface Choice {
  value: string
  label: string
}

/** What can be chosen; undefined when it is not known: still being fetched, or not for this user. */
function useChoices(of: Source): Choice[] | undefined {
  const sources = useSources()
  const records = useRecords(typeof of === 'object' ? kindById(of.kind) : undefined)
  const found = of === 'event-source' ? sources.data : of === 'free' ? undefined : records.data
  return found?.map(({ id, name }) => ({ value: id, label: name || id }))
}

/** The choices and what is chosen already: a record that was deleted since is shown, not dropped. */
function withChosen(choices: readonly Choice[], chosen: readonly string[]): Choice[] {
  const missing = chosen.filter(id => id !== '' && !choices.some(({ value }) => value === id))
  return [...choices, ...missing.map(id => ({ value: id, label: `${id} (does not exist)` }))]
}

/** Another record. Who may not list them names it by its id. */
export function EntityField(props: FieldProps<FieldOf<'entity'>>) {
  const { field, value, onChange } = props
  const choices = useChoices(field.of)
  const id = idOf(value)
  if (!choices) {
    return (
      <TextInput {...common(props)} placeholder={field.any ?? 'Its id'} value={id} onChange={event => onChange({ id: event.currentTarget.value, name: event.currentTarget.value })} />
    )
  }
  const data = withChosen(choices, [id])
  return (
    <Select
      {...common(props)}
      searchable
      clearable={field.any !== undefined}
      clearButtonProps={{ 'aria-label': `${field.label}: ${field.any}` }}
      placeholder={field.any ?? 'Choose one'}
      nothingFoundMessage="There is none"
      data={data}
      value={id === '' ? null : id}
      onChange={chosen => onChange({ id: chosen ?? '', name: choices.find(one => one.value === chosen)?.label ?? chosen ?? '' })}
    />
  )
}

/** Some other records. */
export function EntitiesField(props: FieldProps<FieldOf<'entities'>>) {
  const { field, value, onChange } = props
  const { required: _, ...shared } = common(props)
  const choices = useChoices(field.of)
  const ids = listOf(value).map(idOf).filter(Boolean)
  const change = (chosen: string[]) => onChange(chosen.map(id => ({ id, name: choices?.find(one => one.value === id)?.label ?? id })))
  if (!choices) return <TagsInput {...shared} placeholder="Their ids" value={ids} onChange={change} />
  return (
    <MultiSelect
      {...shared}
      searchable
      placeholder={ids.length === 0 ? 'Choose' : undefined}
      nothingFoundMessage="There is none"
      data={withChosen(choices, ids)}
      value={ids}
      onChange={change}
    />
  )
}
