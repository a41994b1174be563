import { IconFingerprint } from '@tabler/icons-react'
import type { Kind } from '../kind'
import { about, EVENT_TYPE, targets } from './shared'

export const identificationPoint: Kind = {
  id: 'identification-point',
  label: 'Identification points',
  one: 'identification point',
  group: 'People',
  icon: IconFingerprint,
  right: 'configure',
  sentence: 'Recognises a visitor by values that only one person has.',
  example: 'Who shows loyalty card X-1 in a shop is the person whose profile has that card.',
  path: { one: '/identification/point', all: '/identification/points' },
  blank: { name: '', description: '', source: { id: '', name: '' }, event_type: { id: '', name: '' }, fields: [], enabled: true, settings: {} },
  switchable: true,
  sections: [
    about(EVENT_TYPE, { path: 'source', label: 'Event source', type: 'entity', of: 'event-source', any: 'Every source' }),
    {
      title: 'Values',
      hint: 'All of these must agree, in whatever case',
      fields: [
        {
          path: 'fields',
          label: 'Values',
          type: 'rows',
          add: 'Add a value',
          blank: { event_property: { value: '', ref: true }, profile_trait: { value: '', ref: true } },
          columns: [
            { path: 'event_property', label: 'The event’s', type: 'reference', placeholder: 'properties.card', required: true },
            { path: 'profile_trait', label: 'is the profile’s', type: 'reference', placeholder: 'traits.card', required: true },
          ],
        },
      ],
    },
  ],
  gist: record => targets(record, 'fields', 'profile_trait'),
}
