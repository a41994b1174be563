import { Alert, Button, Center, Group, Loader, Skeleton, Stack, Text } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import type { ReactNode } from 'react'

/** Fills the place of a page that is still being fetched. */
export function Loading({ label = 'Loading' }: { label?: string }) {
  return (
    <Center mih={240} role="status" aria-label={label}>
      <Loader type="dots" />
    </Center>
  )
}

/** Grey rows in the place of a list that is still being fetched. */
export function LoadingRows({ rows = 5 }: { rows?: number }) {
  return (
    <Stack gap="sm" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        <Group key={row} wrap="nowrap" gap="sm">
          <Skeleton h={36} w={36} radius="md" />
          <Stack gap={7} flex={1}>
            <Skeleton h={11} w={`${64 - ((row * 13) % 30)}%`} />
            <Skeleton h={9} w={`${38 - ((row * 7) % 18)}%`} />
          </Stack>
        </Group>
      ))}
    </Stack>
  )
}

/** What went wrong, in the words of the error, with a way to try again. */
export function ErrorNotice({ error, what, retry }: { error: unknown; what: string; retry?: () => void }) {
  return (
    <Alert color="red" variant="light" icon={<IconAlertTriangle size={18} />} title={what} role="alert">
      <Stack gap="sm" align="flex-start">
        <Text size="sm" className="wrap">
          {error instanceof Error ? error.message : String(error)}
        </Text>
        {retry && (
          <Button size="xs" variant="default" onClick={retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

/** Nothing to show, and what to do about it. */
export function Empty({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <Stack align="center" gap={6} py={44} px="md" ta="center">
      <span className="chip" data-category="other" style={{ width: 48, height: 48, marginBottom: 6 }}>
        {icon}
      </span>
      <Text fw={600}>{title}</Text>
      <Text size="sm" c="dimmed" maw={420} component="div">
        {children}
      </Text>
    </Stack>
  )
}
