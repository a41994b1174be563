import { IconShieldCheck } from '@tabler/icons-react'
import { at, isObject, steps } from '../draft'
import type { Kind } from '../kind'
import { about, EVENT_TYPE, TAGS } from './shared'

export const eventValidator: Kind = {
  id: 'event-validator',
  label: 'Validation',
  one: 'validation',
  group: 'Events',
  icon: IconShieldCheck,
  right: 'configure',
  sentence: 'Checks events of a type; those that fail are kept, marked as invalid, and change no profile.',
  example: 'An “order-completed” must have properties.value, and it must be a number.',
  path: { one: '/event-validator', all: '/event-validator/list' },
  blank: { name: '', description: '', tags: [], event_type: { id: '', name: '' }, enabled: true, validation: { json_schema: {}, condition: '' } },
  switchable: true,
  sections: [
    about(EVENT_TYPE, TAGS),
    {
      title: 'Check',
      fields: [
        {
          path: 'validation.condition',
          label: 'Only if',
          help: 'A condition on the event; empty: always',
          type: 'condition',
          placeholder: 'event@properties.kind = "web"',
        },
        {
          path: 'validation.json_schema',
          label: 'Schemas',
          help: 'What a value must look like, as JSON Schema; all must hold',
          type: 'pairs',
          names: { label: 'Value', placeholder: 'event@properties.value' },
          values: { label: 'Schema', placeholder: '{ "type": "number", "minimum": 0 }' },
          json: true,
          add: 'Check a value',
        },
      ],
    },
  ],
  gist: record => {
    const schemas = at(record, steps('validation.json_schema'))
    return isObject(schemas) ? Object.keys(schemas).join(', ') : ''
  },
}
