import type { FieldError } from '../../api/errors'
import type { Json } from '../../api/types'
import { Complaints } from '../../components/Complaint'
import { createElement, type ReactNode } from 'react'
import type { Field } from '../kind'

/** What every field's input gets. */
export interface FieldProps<F extends Field = Field> {
  field: F
  value: Json | undefined
  onChange: (value: Json | undefined) => void
  /** Complaints about this field; their places count from its value. */
  complaints: readonly FieldError[]
  /** Cannot be changed. */
  locked?: boolean
}

/** The part that all inputs have in common. */
export function common({ field, complaints, locked }: FieldProps): {
  label: string
  description: string | undefined
  withAsterisk: boolean
  required: boolean
  readOnly: boolean
  error: ReactNode
} {
  return {
    label: field.label,
    description: locked && field.fixed ? 'Cannot be changed: the record’s id follows from it' : field.help,
    withAsterisk: field.required === true,
    required: field.required === true,
    readOnly: locked === true,
    error: complaints.length > 0 ? createElement(Complaints, { of: complaints }) : undefined,
  }
}
