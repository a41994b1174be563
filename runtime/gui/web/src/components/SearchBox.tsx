import { ActionIcon, Autocomplete, Group, Popover, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { IconHelpCircle, IconSearch, IconX } from '@tabler/icons-react'
import { useEffect, useState } from 'react'

import { useCompletion } from '../api/queries'
import type { IndexName } from '../api/types'
import { offers } from '../lib/completion'

interface Props {
  index: IndexName
  value: string
  onChange: (value: string) => void
  label: string
  placeholder: string
  example: string
}

/** A search box that waits until typing stops, and tells what may come next in an expression. */
export function SearchBox({ index, value, onChange, label, placeholder, example }: Props) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text === value) return
    const timer = setTimeout(() => onChange(text), 350)
    return () => clearTimeout(timer)
  }, [text, value, onChange])
  // Whoever has searched wants to see what was found, not what may come next.
  const [writing, setWriting] = useState(false)
  const [written] = useDebouncedValue(text, 120)
  const completion = useCompletion(index, written, writing && written !== '')
  const next = writing && written === text ? offers(completion.data, text) : []
  return (
    <Autocomplete
      data={next.map(offer => offer.text)}
      filter={({ options }) => options}
      maxDropdownHeight={330}
      comboboxProps={{ shadow: 'md' }}
      renderOption={({ option }) => {
        const offer = next.find(({ text }) => text === option.value)
        return (
          <Group gap="sm" wrap="nowrap" justify="space-between" w="100%">
            <Text size="sm" ff="monospace" truncate>
              {offer?.value}
            </Text>
            <Text size="xs" c="dimmed" style={{ flexShrink: 0 }}>
              {offer?.desc || offer?.name}
            </Text>
          </Group>
        )
      }}
      onFocus={() => setWriting(true)}
      onBlur={() => setWriting(false)}
      aria-label={label}
      placeholder={placeholder}
      type="search"
      flex={1}
      miw={200}
      value={text}
      onChange={typed => {
        setWriting(true)
        setText(typed)
      }}
      onKeyDown={event => {
        if (event.key !== 'Enter') return
        setWriting(false)
        onChange(text)
      }}
      leftSection={<IconSearch size={17} aria-hidden />}
      rightSectionWidth={text ? 64 : 36}
      rightSection={
        <>
          {text && (
            <ActionIcon variant="subtle" color="gray" aria-label="Clear the search" onClick={() => { setText(''); onChange('') }}>
              <IconX size={16} aria-hidden />
            </ActionIcon>
          )}
          <Popover width={330} position="bottom-end" shadow="md" withArrow>
            <Popover.Target>
              <ActionIcon variant="subtle" color="gray" aria-label="How to search">
                <IconHelpCircle size={17} aria-hidden />
              </ActionIcon>
            </Popover.Target>
            <Popover.Dropdown>
              <Text size="sm">Type words to look for, or an expression with field names:</Text>
              <Text size="xs" ff="monospace" mt={8} className="wrap">
                {example}
              </Text>
              <Text size="xs" c="dimmed" mt={8}>
                Fields are the dotted paths of the raw JSON. Operators: = != &gt; &gt;= &lt; &lt;= BETWEEN, EXISTS; combine with AND, OR
                and parentheses. A star in quotes stands for any text.
              </Text>
            </Popover.Dropdown>
          </Popover>
        </>
      }
    />
  )
}
