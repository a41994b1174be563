import { Box } from '@mantine/core'
import { useMemo } from 'react'
import { laidOut } from '../lib/sent'
import { CopyButton } from './Code'

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

type Props = { label: string } & (
  | { value: unknown }
  /** As somebody sent it: this is what is copied, and every value is shown as it stands in it. */
  | { sent: string }
)

/** A document as it is, with its keys and values told apart by colour. */
export function RawJson({ label, ...given }: Props) {
  const sent = 'sent' in given ? given.sent : null
  const value = 'value' in given ? given.value : null
  const text = useMemo(() => (sent === null ? JSON.stringify(value, null, 2) : laidOut(sent)), [sent, value])
  const parts = useMemo(() => {
    const nodes: (string | { kind: string; text: string })[] = []
    let from = 0
    for (const match of text.matchAll(TOKEN)) {
      nodes.push(text.slice(from, match.index))
      if (match[1] !== undefined) {
        nodes.push({ kind: match[2] === undefined ? 'text' : 'key', text: match[1] }, match[2] ?? '')
      } else nodes.push({ kind: 'literal', text: match[0] })
      from = match.index + match[0].length
    }
    nodes.push(text.slice(from))
    return nodes
  }, [text])
  return (
    <Box pos="relative">
      <Box pos="absolute" top={10} right={18}>
        <CopyButton text={sent ?? text} label={sent === null ? 'Copy JSON' : 'Copy as sent'} />
      </Box>
      <pre className="json" tabIndex={0} aria-label={label}>
        {parts.map((part, at) =>
          typeof part === 'string' ? (
            part
          ) : (
            <span key={at} className={part.kind}>
              {part.text}
            </span>
          ),
        )}
      </pre>
    </Box>
  )
}
