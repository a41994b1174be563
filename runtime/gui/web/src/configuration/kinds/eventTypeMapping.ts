import { IconTags } from '@tabler/icons-react'
import { isObject, listOf, textOf } from '../draft'
import type { Kind } from '../kind'
import { count, NAME } from './shared'

export const eventTypeMapping: Kind = {
  id: 'event-type-mapping',
  label: 'Event types',
  one: 'event type',
  group: 'Events',
  icon: IconTags,
  right: 'configure',
  sentence: 'Says what an event type means: which properties become traits, which tags it gets, which stage of the journey it shows.',
  example: '“size-chosen” copies properties.size to traits.size and shows that the visitor considers buying.',
  path: { one: '/event-type/mapping', all: '/event-type/search/mappings' },
  blank: { name: '', event_type: '', description: '', enabled: true, index_schema: {}, journey: null, tags: [] },
  derivedId: true,
  switchable: true,
  sections: [
    {
      title: 'About',
      fields: [
        { path: 'event_type', label: 'Event type', help: 'There is one record for each type', type: 'event-type', named: false, required: true, fixed: true },
        NAME,
        { path: 'description', label: 'Description', type: 'paragraph' },
      ],
    },
    {
      title: 'Meaning',
      fields: [
        {
          path: 'index_schema',
          label: 'Values inside the event',
          help: 'Where a value goes, and where it comes from; both below the event',
          type: 'pairs',
          names: { label: 'Write to', placeholder: 'traits.size' },
          values: { label: 'the value of', placeholder: 'properties.size' },
          add: 'Copy a value',
        },
        {
          path: 'journey',
          label: 'Stage of the journey',
          type: 'text',
          suggestions: ['awareness', 'consideration', 'purchase', 'retention', 'advocacy'],
          placeholder: 'consideration',
        },
        { path: 'tags', label: 'Tags of the events', type: 'labels', placeholder: 'Add a tag' },
      ],
    },
  ],
  gist: record =>
    [
      isObject(record.index_schema) && Object.keys(record.index_schema).length > 0 ? count(Object.keys(record.index_schema).length, 'value') : null,
      textOf(record.journey) || null,
      listOf(record.tags).length > 0 ? count(listOf(record.tags).length, 'tag') : null,
    ]
      .filter(Boolean)
      .join(', '),
}
