import { IconChecklist } from '@tabler/icons-react'
import type { Kind } from '../kind'
import { TAGS } from './shared'

export const consentType: Kind = {
  id: 'consent-type',
  label: 'Consent types',
  one: 'consent type',
  group: 'People',
  icon: IconChecklist,
  right: 'read',
  sentence: 'A purpose for which visitors are asked for their consent.',
  example: '“Marketing”: offers by e-mail. Who agrees agrees for a year, then is asked again.',
  path: { one: '/consent/type', all: '/consents/types' },
  blank: { name: '', description: '', default_value: 'deny', required: false, revokable: false, auto_revoke: null, enabled: true, tags: [] },
  derivedId: true,
  switchable: true,
  sections: [
    {
      title: 'What is asked',
      fields: [
        { path: 'name', label: 'Name', help: 'What visitors read. The id follows from it: “My offers” becomes my-offers', type: 'text', required: true, fixed: true },
        { path: 'description', label: 'Description', help: 'For what the data are used; visitors read it, too', type: 'paragraph' },
        {
          path: 'default_value',
          label: 'Until a visitor decides',
          type: 'choice',
          options: [
            { value: 'deny', label: 'No consent' },
            { value: 'grant', label: 'Consent' },
          ],
        },
        { path: 'required', label: 'The site cannot do without it', type: 'switch' },
      ],
    },
    {
      title: 'How long it lasts',
      fields: [
        { path: 'revokable', label: 'A consent ends by itself', type: 'switch' },
        {
          path: 'auto_revoke',
          label: 'After',
          help: 'A number and a unit: 15m, 12h, 365d',
          type: 'text',
          placeholder: '365d',
          required: true,
          when: record => record.revokable === true,
        },
        TAGS,
      ],
    },
  ],
  gist: record =>
    [
      record.default_value === 'grant' ? 'Granted unless refused' : 'Only who agrees',
      record.revokable === true && typeof record.auto_revoke === 'string' ? `for ${record.auto_revoke}` : null,
      record.required === true ? 'required' : null,
    ]
      .filter(Boolean)
      .join(', '),
}
