import { useCallback } from 'react'
import { useSearchParams } from 'react-router'

/** A text kept in the address, so that a view can be bookmarked, shared and gone back to. Empty is left out. */
export function useUrlState(key: string, initial = ''): [string, (value: string) => void] {
  const [parameters, setParameters] = useSearchParams()
  const set = useCallback(
    (value: string) =>
      setParameters(
        previous => {
          const next = new URLSearchParams(previous)
          if (value === '' || value === initial) next.delete(key)
          else next.set(key, value)
          return next
        },
        { replace: true },
      ),
    [key, initial, setParameters],
  )
  return [parameters.get(key) ?? initial, set]
}
