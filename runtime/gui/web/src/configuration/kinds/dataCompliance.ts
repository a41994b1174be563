import { IconShieldLock } from '@tabler/icons-react'
import type { Kind } from '../kind'
import { about, EVENT_TYPE, targets } from './shared'

export const dataCompliance: Kind = {
  id: 'data-compliance',
  label: 'Data compliance',
  one: 'compliance rule',
  group: 'People',
  icon: IconShieldLock,
  right: 'read',
  sentence: 'Erases or hashes fields of events whose visitors have not consented to their use.',
  example: 'The e-mail address of a “newsletter-signup” is erased unless the visitor consents to marketing.',
  path: { one: '/consent/compliance/field', all: '/consent/compliance/fields' },
  blank: { name: '', description: '', event_type: { id: '', name: '' }, settings: [], enabled: true },
  switchable: true,
  sections: [
    about(EVENT_TYPE),
    {
      title: 'Protected fields',
      hint: 'Each stays as it is only if the profile has all of its consents',
      fields: [
        {
          path: 'settings',
          label: 'Fields',
          type: 'rows',
          add: 'Protect a field',
          blank: { field: { value: '', ref: true }, action: 'erase', consents: [] },
          columns: [
            { path: 'field', label: 'Field', help: 'Below properties or context', type: 'reference', placeholder: 'properties.email', required: true },
            {
              path: 'action',
              label: 'Without consent',
              type: 'choice',
              options: [
                { value: 'erase', label: 'Erase it' },
                { value: 'hash', label: 'Hash it' },
                { value: 'nothing', label: 'Leave it' },
              ],
            },
            { path: 'consents', label: 'Needs consent to', help: 'All of these', type: 'entities', of: { kind: 'consent-type' }, required: true },
          ],
        },
      ],
    },
  ],
  gist: record => targets(record, 'settings', 'field'),
}
