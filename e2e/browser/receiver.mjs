// The server of a destination.
import { createServer } from 'node:http'

/** Listens on a port of its own; answers as `answer` says, and keeps in `got` what came, oldest first. */
export async function receiver() {
  const it = { got: [], answer: { status: 200, text: '' } }
  const server = createServer(async (request, response) => {
    const parts = []
    for await (const part of request) parts.push(part)
    it.got.push(JSON.parse(Buffer.concat(parts).toString()))
    response.writeHead(it.answer.status).end(it.answer.text)
  })
  await new Promise(listens => server.listen(0, '127.0.0.1', listens))
  it.url = `http://127.0.0.1:${server.address().port}/orders`
  it.close = () => {
    server.close()
    server.closeAllConnections()
  }
  return it
}
