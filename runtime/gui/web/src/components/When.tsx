import { ago, dateTime, parseTime } from '../lib/format'
import { useNow } from '../lib/useNow'

/** A stored time as "3 min ago", with the exact time on hover and for machines. */
export function When({ time, exact = false }: { time: string | null | undefined; exact?: boolean }) {
  const now = useNow()
  const date = parseTime(time)
  if (!date) return <span>unknown</span>
  return (
    <time dateTime={date.toISOString()} title={dateTime(date)} style={{ whiteSpace: 'nowrap' }}>
      {exact ? dateTime(date) : ago(date, now)}
    </time>
  )
}
