import type { Group, Kind } from '../kind'
import { consentType } from './consentType'
import { dataCompliance } from './dataCompliance'
import { destination } from './destination'
import { eventReshaping } from './eventReshaping'
import { eventToProfile } from './eventToProfile'
import { eventTypeMapping } from './eventTypeMapping'
import { eventValidator } from './eventValidator'
import { identificationPoint } from './identificationPoint'
import { redirect } from './redirect'
import { resource } from './resource'
import { rule } from './rule'
import { segment } from './segment'

/** All kinds of configuration records, in the order in which they are shown. */
export const KINDS: readonly Kind[] = [
  eventTypeMapping,
  eventValidator,
  eventReshaping,
  redirect,
  eventToProfile,
  identificationPoint,
  segment,
  consentType,
  dataCompliance,
  rule,
  destination,
  resource,
]

export const GROUPS: readonly { group: Group; hint: string }[] = [
  { group: 'Events', hint: 'What may come in, and what it means' },
  { group: 'People', hint: 'What becomes known of whom' },
  { group: 'Actions', hint: 'What is sent on, and what is started' },
]

export function kindById(id: string | undefined): Kind | undefined {
  return KINDS.find(kind => kind.id === id)
}
