/** One message of an event stream. */
export interface Message {
  event: string
  id: string
  data: string
}

/**
 * Reads the text format of server-sent events (WHATWG HTML, 9.2.6) from chunks that may end anywhere. Needed because
 * the browser's own EventSource cannot send an Authorization header. `retry` fields are left to the caller's back-off.
 */
export class StreamParser {
  private rest = ''
  private event = ''
  private id = ''
  private data: string[] = []
  private started = false

  /** Takes the next piece of text and returns the messages that it completes. */
  push(chunk: string): Message[] {
    if (!this.started && chunk !== '') {
      this.started = true
      if (chunk.startsWith('\uFEFF')) chunk = chunk.slice(1)
    }
    const text = this.rest + chunk
    const messages: Message[] = []
    let from = 0
    for (let at = 0; at < text.length; at++) {
      const character = text[at]
      if (character !== '\n' && character !== '\r') continue
      // A carriage return at the very end may be the first half of a line end: wait for the next chunk.
      if (character === '\r' && at === text.length - 1) break
      this.line(text.slice(from, at), messages)
      if (character === '\r' && text[at + 1] === '\n') at++
      from = at + 1
    }
    this.rest = text.slice(from)
    return messages
  }

  private line(line: string, messages: Message[]): void {
    if (line === '') {
      if (this.data.length > 0) messages.push({ event: this.event || 'message', id: this.id, data: this.data.join('\n') })
      this.event = ''
      this.data = []
      return
    }
    if (line.startsWith(':')) return
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.event = value
    else if (field === 'data') this.data.push(value)
    else if (field === 'id' && !value.includes('\0')) this.id = value
  }
}
