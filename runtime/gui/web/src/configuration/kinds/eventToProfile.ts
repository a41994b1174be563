import { IconUserEdit } from '@tabler/icons-react'
import type { Kind } from '../kind'
import { about, EVENT_TYPE, TAGS, targets } from './shared'

export const eventToProfile: Kind = {
  id: 'event-to-profile',
  label: 'Event to profile',
  one: 'mapping to the profile',
  group: 'People',
  icon: IconUserEdit,
  right: 'configure',
  sentence: 'Writes values of an event to the profile of its visitor.',
  example: 'The size of a “size-chosen” event is added to the profile’s preferred sizes.',
  path: { one: '/event-to-profile', all: '/event-to-profiles' },
  blank: { name: '', description: '', event_type: { id: '', name: '' }, enabled: true, config: { condition: '' }, tags: [], event_to_profile: [] },
  switchable: true,
  sections: [
    about(EVENT_TYPE, TAGS),
    {
      title: 'Values',
      hint: 'Written in this order',
      fields: [
        {
          path: 'config.condition',
          label: 'Only if',
          help: 'A condition on event, profile and session; empty: always',
          type: 'condition',
          placeholder: 'event@properties.total > 10',
        },
        {
          path: 'event_to_profile',
          label: 'Values',
          type: 'rows',
          add: 'Add a value',
          blank: { event: { value: '', ref: true }, op: 0, profile: { value: '', ref: true } },
          columns: [
            { path: 'event', label: 'From the event', type: 'reference', placeholder: 'properties.size', text: true, required: true },
            {
              path: 'op',
              label: 'How',
              type: 'choice',
              options: [
                { value: 0, label: 'Replaces' },
                { value: 1, label: 'Fills if empty' },
                { value: 2, label: 'Is added to' },
              ],
            },
            { path: 'profile', label: 'On the profile', type: 'reference', placeholder: 'data.preferences.sizes', required: true },
          ],
        },
      ],
    },
  ],
  gist: record => targets(record, 'event_to_profile', 'profile'),
}
