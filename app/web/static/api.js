// The service's HTTP API: problems become Failures, the key of this tab goes along, streams become events.

const MAX_CHARACTERS = 8000 // of a question, and of each message of a conversation

/** An API key of this tab; where the browser forbids storage, of this page until it is left. */
export class Key {
  #name
  #unstored = null

  /** `name` is that of its storage. */
  constructor(name) {
    this.#name = name
  }

  get() {
    return stored((storage) => storage.getItem(this.#name)) ?? this.#unstored
  }

  set(value) {
    this.#unstored = value.replace(/[^\x21-\x7e]/g, '') // what no header takes, and pasted text may have unseen
    stored((storage) => storage.setItem(this.#name, this.#unstored))
  }

  forget() {
    this.#unstored = null
    stored((storage) => storage.removeItem(this.#name))
  }
}

function stored(use) {
  try {
    return use(sessionStorage)
  } catch {
    return null
  }
}

/** As much of a text as the service takes. It counts code points, and half of one is no text. */
export function cut(text) {
  return [...text].slice(0, MAX_CHARACTERS).join('')
}

/** `name` is that of the problem, or offline, unreachable or broken. */
export class Failure extends Error {
  constructor(name, { detail = '', requestId = '', retryAfter = 0 } = {}) {
    super(detail || name)
    Object.assign(this, { name, detail, requestId, retryAfter })
  }
}

/** The service below an address: '' for the one that the page came from, which may be behind a proxy that puts
 *  a prefix before all paths. `key` is where the API key is, if there may be one. Everything throws Failures. */
export class Service {
  constructor(base, key = null) {
    Object.assign(this, { base, key })
  }

  /** The collections of the index: [{name, entries}]. */
  async collections() {
    return (await (await this.send('collections')).json()).collections
  }

  /** Name and data of each event of the answer, down to `done`. Throws an AbortError after `signal`. */
  async *answer(question, signal) {
    const response = await this.#post('ask/stream', question, signal)
    let complete = false
    try {
      for await (const { event, data } of events(response.body)) {
        if (event === 'error') throw failureOf(data, null)
        yield [event, data]
        complete ||= event === 'done'
      }
    } catch (error) {
      if (error instanceof Failure || error.name === 'AbortError') throw error
    }
    if (!complete) throw new Failure('broken')
  }

  /** A verdict on an answer: {token, helpful, comment}. */
  async judge(verdict) {
    await this.#post('feedback', verdict)
  }

  #post(path, body, signal) {
    const headers = { 'Content-Type': 'application/json' }
    return this.send(path, { method: 'POST', headers, body: JSON.stringify(body), signal })
  }

  /** The response, where it is one of success. */
  async send(path, options = {}) {
    const key = this.key?.get()
    const own = key ? { 'X-API-Key': key } : {}
    let response
    try {
      // Not for what is sent: to the service, the header that `no-store` adds means "write it again".
      const cache = options.method === 'POST' ? 'default' : 'no-store'
      response = await fetch(this.base + path, { cache, ...options, headers: { ...options.headers, ...own } })
    } catch (error) {
      if (error.name === 'AbortError') throw error
      throw new Failure(navigator.onLine ? 'unreachable' : 'offline')
    }
    if (response.ok) return response
    // A proxy may answer with a page of its own.
    const problem = await response.json().catch(() => ({ detail: `HTTP ${response.status}` }))
    throw failureOf(problem, response.headers.get('Retry-After'))
  }
}

function failureOf(problem, retryAfter) {
  return new Failure((problem.type ?? '').split('/').pop() || 'other', {
    detail: problem.detail,
    requestId: problem.request_id,
    retryAfter: Number(retryAfter) || 0,
  })
}

/** Server-sent events (HTML standard, 9.2.6), their data as JSON. */
export async function* events(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader()
  let [rest, event, data] = ['', '', []]
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      rest += value
      // A \r at the very end may be half of a \r\n.
      const lines = rest.split(/\r\n|\n|\r(?!$)/)
      rest = lines.pop()
      for (const line of lines) {
        if (line === '') {
          if (data.length) yield { event, data: JSON.parse(data.join('\n')) }
          ;[event, data] = ['', []]
        }
        const [, field, text] = /^([^:]*):? ?([^]*)$/.exec(line)
        if (field === 'event') event = text
        if (field === 'data') data.push(text)
      }
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}
