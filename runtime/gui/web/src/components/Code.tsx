import { Box, Button, CopyButton as Copier } from '@mantine/core'
import { IconCheck, IconCopy } from '@tabler/icons-react'

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  return (
    <Copier value={text} timeout={2000}>
      {({ copied, copy }) => (
        <Button
          size="compact-sm"
          variant="default"
          onClick={copy}
          leftSection={copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
        >
          <span aria-live="polite">{copied ? 'Copied' : label}</span>
        </Button>
      )}
    </Copier>
  )
}

/** Code to copy. */
export function Code({ text, label }: { text: string; label: string }) {
  return (
    <Box>
      <Box mb={8} style={{ display: 'flex', justifyContent: 'flex-end' }}>
        <CopyButton text={text} />
      </Box>
      <pre className="json" tabIndex={0} aria-label={label}>
        {text}
      </pre>
    </Box>
  )
}
