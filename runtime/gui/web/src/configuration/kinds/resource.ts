import { IconServer } from '@tabler/icons-react'
import { textOf } from '../draft'
import type { Field, FormSection, Kind } from '../kind'
import { about, TAGS } from './shared'

const credentials = (use: 'production' | 'test', title: string, hint: string): FormSection => {
  const field = (name: string): string => `credentials.${use}.${name}`
  const address: Field = { path: field('url'), label: 'Address', type: 'text', placeholder: 'https://crm.example.com/api', code: true, required: use === 'production' }
  return {
    title,
    hint,
    fields: [
      address,
      { path: field('username'), label: 'User', help: 'If it asks for a name and a password', type: 'text' },
      { path: field('password'), label: 'Password', type: 'secret' },
    ],
  }
}

export const resource: Kind = {
  id: 'resource',
  label: 'Resources',
  one: 'resource',
  group: 'Actions',
  icon: IconServer,
  right: 'configure',
  sentence: 'A system outside to which data goes, and the credentials for it.',
  example: 'The CRM at https://crm.example.com/api, with a user and a password.',
  path: { one: '/resource', all: '/resources/by_type' },
  blank: {
    name: '', description: '', type: 'api', credentials: { production: {}, test: {} }, tags: ['api', 'destination'], groups: [],
    icon: null, destination: null, enabled: true,
  },
  switchable: true,
  sections: [
    about(
      { path: 'type', label: 'Type', type: 'choice', options: [{ value: 'api', label: 'Web service (HTTP)' }] },
      TAGS,
    ),
    credentials('production', 'Access', 'Kept sealed; shown on this page only'),
    credentials('test', 'Access for tests', 'Takes the place of the other one for events that are marked as debugging'),
  ],
  gist: record => (record.type === 'api' ? 'Web service' : textOf(record.type)),
}
