import { useEffect, useState } from 'react'

/** The present time, renewed every `seconds`, for texts such as `3 min ago`. */
export function useNow(seconds = 10): Date {
  const [now, setNow] = useState(() => new Date())
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), seconds * 1000)
    return () => clearInterval(timer)
  }, [seconds])
  return now
}
