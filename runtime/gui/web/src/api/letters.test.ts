import { expect, it } from 'vitest'
import { readLetters } from './letters'

it('what clients sent stays as it was', () => {
  const sent = '{"events": [{"type":"a","n":1.0,"big":12345678901234567890}]}'
  const text = `{"total":2,"result":[{"id":"7-0","reason":"why","events":[{"id":"e","type":"a"}],"sent":${sent}},{"id":"8-0","sent":"no JSON"}]}`
  const { total, result } = readLetters(text)
  expect(total).toBe(2)
  expect(result.map(({ id }) => id)).toEqual(['7-0', '8-0'])
  expect(result[0]?.sent).toBe(sent)
  expect(result[0]?.events).toEqual([{ id: 'e', type: 'a' }])
  expect(result[1]?.sent).toBe('"no JSON"')
})
