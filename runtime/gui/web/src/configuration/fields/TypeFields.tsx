import { Autocomplete, TagsInput } from '@mantine/core'
import { TYPES, typeName } from '../../lib/events'
import { idOf, listOf, textOf } from '../draft'
import type { FieldOf } from '../kind'
import { common, type FieldProps } from './props'

/** An event type: one of the known ones, or any other. */
export function EventTypeField(props: FieldProps<FieldOf<'event-type'>>) {
  const change = (id: string) => props.onChange(props.field.named ? { id, name: typeName(id) } : id)
  return (
    <Autocomplete {...common(props)} data={[...TYPES]} limit={8} placeholder="page-view" value={idOf(props.value)} onChange={change} />
  )
}

/** Some event types; none means all. */
export function EventTypesField(props: FieldProps<FieldOf<'event-types'>>) {
  const { required: _, ...shared } = common(props)
  return (
    <TagsInput
      {...shared}
      data={[...TYPES]}
      limit={8}
      splitChars={[',', ' ']}
      placeholder="page-view"
      value={listOf(props.value).map(textOf)}
      onChange={props.onChange}
    />
  )
}
