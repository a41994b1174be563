/**
 * JSON as the text that somebody sent. A tree of it would be something else: numbers lose digits, `1.0` becomes `1`, of a name that
 * stands twice one is left.
 */

const TOKEN = /"(?:\\.|[^"\\])*"|[{}[\],:]|[^\s{}[\],:"]+/g
const NAME = /^\s*("(?:\\.|[^"\\])*")\s*:/

/** What the commas of the outermost object or list separate. */
function parts(text: string): string[] {
  const found: string[] = []
  let depth = 0
  let from = 0
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '}' || token === ']') depth -= 1
    const ends = token === ',' ? depth === 1 : depth === 0 && (token === '}' || token === ']')
    if (ends) {
      found.push(text.slice(from, index).trim())
      from = index + 1
    }
    if (token === '{' || token === '[') {
      depth += 1
      if (depth === 1) from = index + 1
    }
  }
  return found.filter(part => part !== '')
}

/** The texts of a list's elements. The text must be JSON. */
export const elements = (text: string): string[] => parts(text)

/** The texts of an object's members, by name. The text must be JSON. */
export function members(text: string): Record<string, string> {
  const named = parts(text).map(part => {
    const [head = '', name = '""'] = NAME.exec(part) ?? []
    return [JSON.parse(name) as string, part.slice(head.length).trim()]
  })
  return Object.fromEntries(named) as Record<string, string>
}

/** The same text in lines with indents; every name and value stays as it is. What is no JSON is left alone. */
export function laidOut(text: string): string {
  if (!isJson(text)) return text
  const line = (depth: number) => `\n${'  '.repeat(depth)}`
  let laid = ''
  let depth = 0
  let opened = false
  for (const [token] of text.matchAll(TOKEN)) {
    const closes = token === '}' || token === ']'
    if (closes) depth -= 1
    if (opened !== closes) laid += line(depth)
    laid += token === ':' ? ': ' : token
    if (token === ',') laid += line(depth)
    opened = token === '{' || token === '['
    if (opened) depth += 1
  }
  return laid
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
