import { Autocomplete, NumberInput, PasswordInput, Select, Switch, TagsInput, Textarea, TextInput } from '@mantine/core'
import { listOf, textOf } from '../draft'
import type { FieldOf } from '../kind'
import { common, type FieldProps } from './props'

const MONO = { input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }

export function TextField(props: FieldProps<FieldOf<'text'>>) {
  const { field, value, onChange } = props
  const shared = { ...common(props), value: textOf(value), placeholder: field.placeholder, styles: field.code ? MONO : undefined }
  return field.suggestions ? (
    <Autocomplete {...shared} data={[...field.suggestions]} onChange={text => onChange(text === '' ? null : text)} />
  ) : (
    <TextInput {...shared} onChange={event => onChange(event.currentTarget.value)} />
  )
}

export function ParagraphField(props: FieldProps<FieldOf<'paragraph'>>) {
  return (
    <Textarea
      {...common(props)}
      autosize
      minRows={2}
      maxRows={8}
      placeholder={props.field.placeholder}
      value={textOf(props.value)}
      onChange={event => props.onChange(event.currentTarget.value)}
    />
  )
}

/** A password or key: hidden unless asked for, and not for the browser's own keeping. */
export function SecretField(props: FieldProps<FieldOf<'secret'>>) {
  return (
    <PasswordInput
      {...common(props)}
      autoComplete="new-password"
      value={textOf(props.value)}
      visibilityToggleButtonProps={{ 'aria-label': `Show ${props.field.label}`, 'aria-hidden': undefined, tabIndex: 0 }}
      onChange={event => props.onChange(event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
    />
  )
}

export function NumberField(props: FieldProps<FieldOf<'number'>>) {
  const { field, value, onChange } = props
  return (
    <NumberInput
      {...common(props)}
      placeholder={field.placeholder}
      min={field.min}
      max={field.max}
      hideControls
      value={typeof value === 'number' ? value : ''}
      onChange={next => onChange(typeof next === 'number' ? next : undefined)}
    />
  )
}

export function SwitchField(props: FieldProps<FieldOf<'switch'>>) {
  const { label, description, error } = common(props)
  return (
    <Switch
      label={label}
      description={description}
      error={error}
      checked={props.value === true}
      onChange={event => props.onChange(event.currentTarget.checked)}
    />
  )
}

export function ChoiceField(props: FieldProps<FieldOf<'choice'>>) {
  const { options } = props.field
  return (
    <Select
      {...common(props)}
      allowDeselect={false}
      data={options.map(({ value, label }) => ({ value: String(value), label }))}
      value={props.value === undefined || props.value === null ? null : String(props.value)}
      onChange={chosen => props.onChange(options.find(({ value }) => String(value) === chosen)?.value)}
    />
  )
}

export function LabelsField(props: FieldProps<FieldOf<'labels'>>) {
  const { required: _, ...shared } = common(props)
  return (
    <TagsInput {...shared} placeholder={props.field.placeholder} splitChars={[',']} value={listOf(props.value).map(textOf)} onChange={props.onChange} />
  )
}
