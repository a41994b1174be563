import { afterEach, describe, expect, it, vi } from 'vitest'
import { endedBecause, forgetLogin, login } from '../auth/session'
import { call } from './client'
import { ApiError, readError } from './errors'
import { reconnectDelay } from './live'
import { type Message, StreamParser } from './sse'

describe('event stream', () => {
  const text = '\uFEFF: hello\r\nevent: event\r\nid: 7\r\ndata: {"a":\ndata: 1}\n\n\rdata:plain\n\nretry: 5\nevent: x\n\n: beat\n\nid\ndata\n\n'
  const expected: Message[] = [
    { event: 'event', id: '7', data: '{"a":\n1}' },
    { event: 'message', id: '7', data: 'plain' },
    { event: 'message', id: '', data: '' },
  ]

  it('is read whole', () => {
    expect(new StreamParser().push(text)).toEqual(expected)
  })

  it('is read the same wherever the chunks end', () => {
    for (let size = 1; size < text.length; size++) {
      const parser = new StreamParser()
      const messages: Message[] = []
      for (let at = 0; at < text.length; at += size) messages.push(...parser.push(text.slice(at, at + size)))
      expect(messages, `chunks of ${size}`).toEqual(expected)
    }
  })

  it('drops a message that the connection cut off', () => {
    expect(new StreamParser().push('data: half\n')).toEqual([])
  })

  it('is tried again slower and slower', () => {
    expect([0, 1, 2, 10, 1000].map(reconnectDelay)).toEqual([1_000, 2_000, 4_000, 30_000, 30_000])
  })
})

describe('errors', () => {
  const told = (status: number, body: unknown) => readError(status, body).message

  it('are read from every form of detail', () => {
    expect(told(400, { detail: 'Wrong.' })).toBe('Wrong.')
    expect(told(422, { detail: [{ loc: ['body', 'source', 'id'], msg: 'Field required' }, { msg: 'Bad' }] })).toBe('source.id: Field required; Bad')
    expect(told(422, { name: 'Too long' })).toBe('name: Too long')
    expect(told(404, null)).toContain('no such record')
    expect(told(418, undefined)).toContain('418')
  })

  it('keep the fields that they name', () => {
    const detail = [{ loc: ['body', 'settings', 0, 'field'], msg: 'Wrong path', type: 'value_error', input: null }, { loc: 'nowhere' }]
    expect(readError(422, { detail }).fields).toEqual([
      { loc: ['settings', 0, 'field'], msg: 'Wrong path' },
      { loc: [], msg: 'is not valid' },
    ])
    expect(readError(400, { detail: 'Wrong.' }).fields).toEqual([])
  })
})

describe('calls', () => {
  afterEach(() => {
    vi.unstubAllGlobals()
    login.set(null)
    endedBecause.set(null)
  })
  const answer = (status: number, body: string) => {
    const fetch = vi.fn((_path: string, _init: RequestInit) => Promise.resolve(new Response(body, { status })))
    vi.stubGlobal('fetch', fetch)
    return fetch
  }

  it('carry token and context', async () => {
    const fetch = answer(200, '{"count":1}')
    login.set({ token: 't', email: 'a', roles: [] })
    expect(await call('/event/count')).toEqual({ count: 1 })
    expect(fetch.mock.calls[0]?.[0]).toBe('/api/event/count')
    expect(fetch.mock.calls[0]?.[1].headers).toMatchObject({ authorization: 'Bearer t', 'x-context': 'production' })
  })

  it('log out on 401', async () => {
    answer(401, '{"detail":"Not authenticated"}')
    login.set({ token: 't', email: 'a', roles: [] })
    await expect(call('/event/count')).rejects.toMatchObject({ status: 401 })
    expect(login.get()).toBeNull()
    expect(endedBecause.get()).toContain('ended')
  })

  it('tell what a failed login says, without calling it an ended session', async () => {
    answer(400, '{"detail":"Incorrect username or password."}')
    await expect(call('/user/token', { method: 'POST', form: { username: 'a', password: 'b' } })).rejects.toThrow('Incorrect')
    expect(endedBecause.get()).toBeNull()
  })

  it('say so when nothing answers', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')))
    const failure = await call('/x').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ApiError)
    expect((failure as ApiError).status).toBe(0)
    expect((failure as ApiError).message).toContain('No connection')
  })

  it('accept an answer that is no JSON', async () => {
    answer(200, '')
    expect(await call('/x')).toBeUndefined()
    forgetLogin(null)
  })
})
