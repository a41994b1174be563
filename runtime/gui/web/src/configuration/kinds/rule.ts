import { IconGitBranch } from '@tabler/icons-react'
import type { JsonObject } from '../../api/types'
import { isObject, textOf } from '../draft'
import type { Kind } from '../kind'
import { TAGS } from './shared'

const bySegment = (record: JsonObject): boolean => record.type === 'segment-add'
const byEvent = (record: JsonObject): boolean => !bySegment(record)

export const rule: Kind = {
  id: 'rule',
  label: 'Trigger rules',
  one: 'trigger rule',
  group: 'Actions',
  icon: IconGitBranch,
  right: 'read',
  sentence: 'Starts a workflow when an event of a type comes from a source.',
  example: 'A “sign-up” in the web shop starts the workflow that sends a welcome.',
  path: { one: '/rule', all: '/rules/by_tag' },
  blank: {
    name: '', description: '', type: 'event-collect', event_type: { id: '', name: '' }, source: { id: '', name: '' },
    segment: { id: '', name: '' }, flow: { id: '', name: '' }, enabled: true, properties: { consents: [] }, tags: [],
  },
  switchable: true,
  sections: [
    {
      title: 'About',
      fields: [
        { path: 'name', label: 'Name', help: 'If empty: the event and the workflow', type: 'text' },
        { path: 'description', label: 'Description', type: 'paragraph' },
        TAGS,
      ],
    },
    {
      title: 'When',
      fields: [
        {
          path: 'type',
          label: 'What starts it',
          type: 'choice',
          options: [
            { value: 'event-collect', label: 'An event' },
            { value: 'segment-add', label: 'A profile joins a segment' },
          ],
        },
        { path: 'event_type', label: 'Event type', type: 'event-type', named: true, required: true, when: byEvent },
        { path: 'source', label: 'Event source', type: 'entity', of: 'event-source', required: true, when: byEvent },
        { path: 'segment', label: 'Segment', type: 'entity', of: { kind: 'segment' }, required: true, when: bySegment },
        { path: 'properties.consents', label: 'Only with consent to', help: 'All of these; none: always', type: 'entities', of: { kind: 'consent-type' } },
      ],
    },
    {
      title: 'What happens',
      fields: [{ path: 'flow', label: 'Workflow', help: 'Its id', type: 'entity', of: 'free', required: true }],
    },
  ],
  gist: record => (isObject(record.flow) ? `Starts ${textOf(record.flow.name) || textOf(record.flow.id) || 'nothing yet'}` : ''),
}
