import { IconUsersGroup } from '@tabler/icons-react'
import { textOf } from '../draft'
import type { Kind } from '../kind'
import { about } from './shared'

export const segment: Kind = {
  id: 'segment',
  label: 'Segments',
  one: 'segment',
  group: 'People',
  icon: IconUsersGroup,
  right: 'read',
  sentence: 'A group that a profile joins once a condition on it is true.',
  example: '“Regulars”: everybody who has been here more than ten times.',
  path: { one: '/segment', all: '/segments' },
  blank: { name: '', description: '', eventType: [], condition: '', enabled: true },
  switchable: true,
  sections: [
    about(),
    {
      title: 'Who belongs to it',
      fields: [
        { path: 'condition', label: 'Condition on the profile', type: 'condition', placeholder: 'profile@stats.visits > 10', preview: true, required: true },
        { path: 'eventType', label: 'Looked at after events of these types', help: 'None: after every event', type: 'event-types' },
      ],
    },
  ],
  gist: record => textOf(record.condition),
}
