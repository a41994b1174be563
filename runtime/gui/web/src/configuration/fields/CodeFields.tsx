import { Stack, Textarea } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { ApiError } from '../../api/errors'
import { readJson, textOf, writeJson } from '../draft'
import type { FieldOf } from '../kind'
import { Preview } from '../Preview'
import { checkCondition } from '../records'
import { common, type FieldProps } from './props'

const CODE = {
  autosize: true,
  spellCheck: false,
  autoCapitalize: 'off',
  styles: { input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13, lineHeight: 1.5 } },
} as const

/** A condition. Its syntax is checked by the server when the field is left: it points at the place. */
export function ConditionField(props: FieldProps<FieldOf<'condition'>>) {
  const [wrong, setWrong] = useState<string | null>(null)
  const text = textOf(props.value)
  const asked = useRef('')

  async function check() {
    asked.current = text
    if (text.trim() === '') return
    const error: unknown = await checkCondition(text).then(() => null, failure => failure)
    // Only the answer to the newest question counts; a server that cannot be reached says nothing about the condition.
    if (asked.current === text && error instanceof ApiError && error.status === 400) setWrong(error.message)
  }

  const complaints = wrong === null ? props.complaints : [{ loc: [], msg: wrong }]
  const input = (
    <Textarea
      {...common({ ...props, complaints })}
      {...CODE}
      minRows={1}
      placeholder={props.field.placeholder}
      value={text}
      onChange={event => {
        setWrong(null)
        asked.current = ''
        props.onChange(event.currentTarget.value)
      }}
      onBlur={() => void check()}
    />
  )
  return props.field.preview ? (
    <Stack gap="xs">
      {input}
      <Preview condition={text} />
    </Stack>
  ) : (
    input
  )
}

/** A JSON document. While it is none, the form cannot be sent. */
export function JsonField(props: FieldProps<FieldOf<'json'>>) {
  return <JsonInput {...props} placeholder={props.field.placeholder} minRows={3} />
}

interface JsonInputProps extends FieldProps {
  placeholder?: string
  minRows: number
  maxRows?: number
  /** Whether a value is acceptable: what is wrong with it, or null. */
  refuse?: (value: FieldProps['value']) => string | null
}

/** The input of a JSON document: keeps what is typed, hands on what can be read. */
export function JsonInput({ placeholder, minRows, maxRows = 24, refuse, ...props }: JsonInputProps) {
  const { value, onChange } = props
  const [text, setText] = useState(() => writeJson(value))
  const input = useRef<HTMLTextAreaElement>(null)
  const { value: read, error } = readJson(text)
  const wrong = error ?? refuse?.(read) ?? null
  // The browser itself keeps a form with an invalid field from being sent, and leads to the field.
  useEffect(() => input.current?.setCustomValidity(wrong ?? ''), [wrong])
  const complaints = wrong === null ? props.complaints : [{ loc: [], msg: wrong }]
  return (
    <Textarea
      {...common({ ...props, complaints })}
      {...CODE}
      ref={input}
      minRows={minRows}
      maxRows={maxRows}
      placeholder={placeholder}
      value={text}
      onChange={event => {
        const typed = event.currentTarget.value
        setText(typed)
        const next = readJson(typed)
        if (next.error === null && !refuse?.(next.value)) onChange(next.value)
      }}
    />
  )
}
