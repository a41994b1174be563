/** What may come next in a search, as the API offers it. */
export interface Completion {
  next: { value: string; token: string; name: string; desc: string; space: number | null }[]
  /** What is begun; an offer stands in its place. */
  current: { token: string | null; value: string }
}

/** What is offered while `written` is being written, each with the whole text that it makes; nothing that stands there already. */
export function offers(completion: Completion | undefined, written: string) {
  if (completion === undefined) return []
  const begun = completion.current.value
  const kept = written.endsWith(begun) ? written.slice(0, written.length - begun.length) : written
  return completion.next
    .filter(offer => offer.value.toLowerCase() !== begun.toLowerCase())
    .slice(0, 12)
    .map(offer => ({ ...offer, text: kept + offer.value + ' '.repeat(offer.space ?? 0) }))
}
