import { Stack } from '@mantine/core'
import { RawJson } from './RawJson'

/** What a client sent for an event, and around it, to the digit. `label` names it for those who do not see it. */
export function Sent({ original: { event, request }, label }: { original: { event: string; request: string }; label: string }) {
  return (
    <Stack gap="xs">
      <RawJson sent={event} label={`${label}: the event`} />
      <RawJson sent={request} label={`${label}: what stood around it`} />
    </Stack>
  )
}
