import { Button, TextInput, Tooltip } from '@mantine/core'
import { isObject, textOf } from '../draft'
import type { FieldOf } from '../kind'
import { common, type FieldProps } from './props'

/** A path to a value; where the kind allows it, a fixed text instead. */
export function ReferenceField(props: FieldProps<FieldOf<'reference'>>) {
  const { field, value, onChange } = props
  const reference = isObject(value) ? value : {}
  const path = reference.ref !== false
  const change = path ? 'Take a fixed text instead of a path' : 'Take a path instead of a fixed text'
  return (
    <TextInput
      {...common(props)}
      placeholder={path ? field.placeholder : 'Any text'}
      styles={path ? { input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } } : undefined}
      value={textOf(reference.value)}
      onChange={event => onChange({ ...reference, value: event.currentTarget.value, ref: path })}
      rightSectionWidth={field.text ? 58 : undefined}
      rightSection={
        field.text && (
          <Tooltip label={change}>
            <Button size="compact-xs" variant="light" aria-label={`${field.label}: ${change}`} onClick={() => onChange({ ...reference, ref: !path })}>
              {path ? 'path' : 'text'}
            </Button>
          </Tooltip>
        )
      }
    />
  )
}
