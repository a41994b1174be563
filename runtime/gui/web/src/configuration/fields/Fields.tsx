import type { FieldError } from '../../api/errors'
import type { JsonObject } from '../../api/types'
import { at, below, put, steps } from '../draft'
import type { Field } from '../kind'
import { ConditionField, JsonField } from './CodeFields'
import { EntitiesField, EntityField } from './EntityFields'
import { PairsField } from './PairsField'
import type { FieldProps } from './props'
import { ReferenceField } from './ReferenceField'
import { RowsField } from './RowsField'
import { ChoiceField, LabelsField, NumberField, ParagraphField, SecretField, SwitchField, TextField } from './SimpleFields'
import { EventTypeField, EventTypesField } from './TypeFields'

interface Props {
  fields: readonly Field[]
  value: JsonObject
  onChange: (value: JsonObject) => void
  /** Complaints about the object that the fields belong to. */
  complaints: readonly FieldError[]
  /** Whether the record is stored already: then what its id follows from cannot be changed. */
  stored?: boolean
}

/** The inputs of some fields of one object. */
export function Fields({ fields, value, onChange, complaints, stored = false }: Props) {
  return fields
    .filter(field => field.when?.(value) ?? true)
    .map(field => {
      const way = steps(field.path)
      return (
        <Input
          key={field.path}
          field={field}
          value={at(value, way) ?? field.absent}
          complaints={below(complaints, way)}
          locked={stored && field.fixed === true}
          onChange={next => onChange(put(value, way, next))}
        />
      )
    })
}

function Input({ field, ...props }: FieldProps) {
  switch (field.type) {
    case 'text':
      return <TextField field={field} {...props} />
    case 'paragraph':
      return <ParagraphField field={field} {...props} />
    case 'secret':
      return <SecretField field={field} {...props} />
    case 'number':
      return <NumberField field={field} {...props} />
    case 'switch':
      return <SwitchField field={field} {...props} />
    case 'choice':
      return <ChoiceField field={field} {...props} />
    case 'labels':
      return <LabelsField field={field} {...props} />
    case 'condition':
      return <ConditionField field={field} {...props} />
    case 'event-type':
      return <EventTypeField field={field} {...props} />
    case 'event-types':
      return <EventTypesField field={field} {...props} />
    case 'reference':
      return <ReferenceField field={field} {...props} />
    case 'entity':
      return <EntityField field={field} {...props} />
    case 'entities':
      return <EntitiesField field={field} {...props} />
    case 'json':
      return <JsonField field={field} {...props} />
    case 'pairs':
      return <PairsField field={field} {...props} />
    case 'rows':
      return <RowsField field={field} {...props} />
  }
}
