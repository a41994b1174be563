import { IconTransform } from '@tabler/icons-react'
import { isBlank } from '../../lib/json'
import { at, steps } from '../draft'
import type { Field, Kind } from '../kind'
import { about, EVENT_TYPE, TAGS } from './shared'

const PARTS = ['properties', 'context', 'session'] as const
const schema = 'reshaping.reshape_schema'

const template = (part: string, label: string, help: string, placeholder: string): Field => ({
  path: `${schema}.${part}`,
  label,
  help,
  type: 'json',
  placeholder,
})

export const eventReshaping: Kind = {
  id: 'event-reshaping',
  label: 'Reshaping',
  one: 'reshaping',
  group: 'Events',
  icon: IconTransform,
  right: 'configure',
  sentence: 'Gives events another form by a template, before anything looks at them.',
  example: 'A till sends {"amt": 5}; reshaped, its “order” events say {"total": 5} like those of the web shop.',
  path: { one: '/event-reshape-schema', all: '/event-reshape-schemas' },
  blank: {
    name: '', description: '', tags: [], event_type: { id: '', name: '' }, event_source: { id: '', name: '' }, enabled: true,
    reshaping: { reshape_schema: { properties: null, context: null, session: null } },
  },
  switchable: true,
  sections: [
    about(EVENT_TYPE, { path: 'event_source', label: 'Event source', type: 'entity', of: 'event-source', any: 'Every source' }, TAGS),
    {
      title: 'Templates',
      hint: 'JSON whose texts may be references such as event@properties.amt. A name that ends in ? is left out when there is no value. A part without template stays as it is.',
      fields: [
        template('properties', 'Properties', 'What the event says', '{\n  "total": "event@properties.amt",\n  "note?": "event@properties.note"\n}'),
        template('context', 'Context', 'Where it happened', '{\n  "page": "event@context.page"\n}'),
        template('session', 'Session context', 'What the session keeps', '{\n  "shop": "event@properties.shop"\n}'),
      ],
    },
  ],
  gist: record => {
    const parts = PARTS.filter(part => !isBlank(at(record, steps(`${schema}.${part}`))))
    return parts.length === 0 ? 'No template yet' : `New ${parts.join(' and ')}`
  },
}
