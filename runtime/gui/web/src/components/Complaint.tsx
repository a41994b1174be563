import type { FieldError } from '../api/errors'

/**
 * What is wrong, in the words of the server. An expression's complaint has further lines, the wrong line with a caret under
 * the place; they keep their columns.
 */
export function Message({ text }: { text: string }) {
  const [first, ...rest] = text.split('\n')
  return (
    <>
      <span className="wrap">{first}</span>
      {rest.length > 0 && <code className="caret">{rest.join('\n')}</code>}
    </>
  )
}

/** Complaints about one field; those about a place inside it name the place. Nothing for none. */
export function Complaints({ of }: { of: readonly FieldError[] }) {
  if (of.length === 0) return null
  return (
    <>
      {of.map(({ loc, msg }, index) => (
        <span key={index} className="complaint">
          {loc.length > 0 && <b>{loc.join(' › ')}: </b>}
          <Message text={msg} />
        </span>
      ))}
    </>
  )
}
