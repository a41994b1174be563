import type { By, Step } from '../api/history'
import type { Json } from '../api/types'
import { leaves } from './json'

/** Steps of one kind by one record, told together. */
export interface Block {
  did: string
  by: By | null
  steps: Step[]
}

/** Puts together what one record did in one go, such as the fields that it changed. */
export function blocks(steps: readonly Step[]): Block[] {
  const told: Block[] = []
  for (const step of steps) {
    const last = told.at(-1)
    if (last && last.did === step.did && last.by?.kind === step.by?.kind && last.by?.id === step.by?.id) last.steps.push(step)
    else told.push({ did: step.did, by: step.by, steps: [step] })
  }
  return told
}

export type Tone = 'good' | 'warn' | 'bad' | 'plain'

/** What a step is called, and how good it is. */
export function headOf({ did, steps }: Block): { title: string; tone: Tone } {
  const several = steps.length > 1
  switch (did) {
    case 'collected':
      return { title: 'It was collected', tone: 'good' }
    case 'found-invalid':
      return { title: 'It is invalid', tone: 'bad' }
    case 'recognised':
      return { title: 'It told whose it is', tone: 'plain' }
    case 'device-known':
      return { title: 'Its device told whose it is', tone: 'plain' }
    case 'referred':
      return { title: 'Its visitor came from another site', tone: 'plain' }
    case 'named':
      return { title: 'A setting of the source told whose it is', tone: 'plain' }
    case 'merging':
      return { title: 'Another profile turned out to be the same person', tone: 'plain' }
    case 'located':
      return { title: 'Its address told where the visitor is', tone: 'plain' }
    case 'reshaped':
      return { title: 'It got another form', tone: 'plain' }
    case 'erased':
      return { title: several ? 'Fields were taken out: a consent is missing' : 'A field was taken out: a consent is missing', tone: 'warn' }
    case 'hashed':
      return { title: several ? 'Fields were hashed: a consent is missing' : 'A field was hashed: a consent is missing', tone: 'warn' }
    case 'mapped':
      return { title: 'It was mapped', tone: 'plain' }
    case 'changed':
      return { title: 'It changed the profile', tone: 'plain' }
    case 'started':
      return { title: 'A workflow ran', tone: 'plain' }
    case 'not-started':
      return { title: 'A workflow did not run', tone: 'warn' }
    case 'joined':
      return { title: 'The profile joined a segment', tone: 'plain' }
    case 'identified':
      return { title: 'The profile can be recognised from now on', tone: 'plain' }
    case 'sent': {
      const dead = steps.some(({ delivery }) => delivery?.state === 'dead')
      return { title: steps[0]?.profile ? 'A destination gets the profile' : 'A destination gets it', tone: dead ? 'bad' : 'plain' }
    }
    case 'warned':
      return { title: 'A part of the configuration could not be applied', tone: 'warn' }
    case 'failed':
      return { title: 'Something failed', tone: 'bad' }
    default:
      return { title: did, tone: 'plain' }
  }
}

/** A value of a field in words. */
export function valueText(value: Json | undefined): string {
  if (value === 0) return '0'
  if (value === false) return 'no'
  return leaves(value ?? null).map(([path, text]) => (path ? `${path}: ${text}` : text)).join(', ')
}
