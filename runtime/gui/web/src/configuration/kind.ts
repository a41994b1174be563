import type { Icon } from '@tabler/icons-react'
import type { Json, JsonObject } from '../api/types'
import type { Right } from '../auth/roles'

/**
 * Describes one kind of configuration record: where it is kept, what it does in words, and its form. Everything that the
 * pages about records show follows from such a description; none of them knows a kind by name.
 */
export interface Kind {
  /** The name that the API gives the kind; part of the pages' addresses. */
  id: string
  /** Several of them, as a heading. */
  label: string
  /** One of them, inside a sentence. */
  one: string
  group: Group
  icon: Icon
  /** Who may see and change them. */
  right: Right
  /** What such a record does, in one sentence. */
  sentence: string
  /** A case of it, in one sentence. */
  example: string
  /** Paths of the API: one record (POST, and GET and DELETE with an id behind it), all records (GET). */
  path: { one: string; all: string }
  /** A new record without its id. */
  blank: JsonObject
  /** What the public API has under a record's id, if anything: the path before the id. */
  address?: { path: string; label: string }
  /** Whether the server makes the id out of another field. */
  derivedId?: boolean
  /** Whether records can be switched off. */
  switchable: boolean
  /** Cards of the form. */
  sections: readonly FormSection[]
  /** The gist of a record, for a line of the list. */
  gist: (record: JsonObject) => string
}

/** What a kind is about; also the order in which the overview of the configuration shows them. */
export type Group = 'Events' | 'People' | 'Actions'

export interface FormSection {
  title: string
  hint?: string
  fields: readonly Field[]
}

interface Common {
  /** Names of the members that lead to the value, joined by dots. */
  path: string
  label: string
  help?: string
  required?: boolean
  /** Cannot be changed once the record is stored, because its id follows from it. */
  fixed?: boolean
  /** What holds when the record says nothing. */
  absent?: Json
  /** Whether the field has a meaning in this record; always, if absent. */
  when?: (record: JsonObject) => boolean
}

export type Field = Common & Shape

/** What a field holds, and so how it is edited. */
export type Shape =
  | { type: 'text'; placeholder?: string; code?: boolean; suggestions?: readonly string[] }
  | { type: 'paragraph'; placeholder?: string }
  | { type: 'secret' }
  | { type: 'number'; placeholder?: string; min?: number; max?: number }
  | { type: 'switch' }
  | { type: 'choice'; options: readonly Option[] }
  /** A list of texts. */
  | { type: 'labels'; placeholder?: string }
  /** A condition; its syntax is checked when the field is left. `preview`: it is on profiles, and can be tried on them. */
  | { type: 'condition'; placeholder: string; preview?: boolean }
  /** An event type, as a text or as `{id, name}`. */
  | { type: 'event-type'; named: boolean }
  /** A list of event types. */
  | { type: 'event-types' }
  /** A path to a value; with `text`, or a fixed text: `{value, ref}`. */
  | { type: 'reference'; placeholder: string; text?: boolean }
  /** Another record as `{id, name}`. `any` says what none of them means, and makes it possible. */
  | { type: 'entity'; of: Source; any?: string }
  /** A list of other records as `{id, name}`. */
  | { type: 'entities'; of: Source }
  /** A JSON document: a template, a schema. */
  | { type: 'json'; placeholder: string }
  /** An object whose names the user chooses; its values are texts, or JSON documents. */
  | { type: 'pairs'; names: Caption; values: Caption; json?: boolean; add: string }
  /** A list of objects, each with fields of its own. */
  | { type: 'rows'; columns: readonly Field[]; blank: JsonObject; add: string }

/** Where the choices of a field come from: event sources, or the records of a kind. */
export type Source = 'event-source' | { kind: string } | 'free'

export interface Option {
  value: string | number | boolean
  label: string
}

export interface Caption {
  label: string
  placeholder: string
}

export type FieldOf<T extends Shape['type']> = Extract<Field, { type: T }>
