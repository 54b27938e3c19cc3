// One question and what came of it: sources, the answer while it is written, suggestions, or a failure in words.
import { Failure, cut } from './api.js'
import { Citations, codeActions, entryNodes } from './citations.js'
import { copy, h } from './dom.js'
import { feedbackNode } from './feedback.js'
import { blocks } from './markdown.js'

export class Turn {
  /** `history` is the conversation before this question, in the Chat. */
  constructor(chat, question, collection, history) {
    const { service, words } = chat
    Object.assign(this, { chat, service, words, question, collection, history, text: '', answer: null, shown: [] })
    this.title = h('h2', { tabindex: '-1', dir: 'auto' }, question)
    this.understood = h('div.understood')
    this.body = h('div.answer', { 'aria-busy': 'true', role: 'group', 'aria-label': this.words.t('answer_label') })
    this.progress = h('p.progress', {}, this.words.t('searching'))
    this.after = h('div')
    this.sources = h('div')
    this.citations = new Citations(this.body, words)
    this.element = h('article.turn', {}, this.title, this.understood, this.progress, this.body, this.after, this.sources)
  }

  /** Asks, and shows the answer as it comes. `stop()` ends it; never throws. */
  async run() {
    this.controller = new AbortController()
    this.words.say(this.words.t('searching'))
    try {
      for await (const [event, data] of this.service.answer(this.#request(), this.controller.signal)) this.#take(event, data)
    } catch (error) {
      if (this.answer && error.name === 'AbortError') return // it was complete
      this.#end()
      if (error.name === 'AbortError') return this.#stopped()
      if (!(error instanceof Failure)) console.error(error)
      this.#failed(error instanceof Failure ? error : new Failure('other'))
    }
  }

  stop() {
    this.controller.abort()
  }

  /** Its part of the conversation, for later questions: nothing where there was no answer to lean on. */
  messages() {
    if (this.answer?.status !== 'answered') return []
    return [{ role: 'user', content: cut(this.question) }, { role: 'assistant', content: cut(this.answer.answer) }]
  }

  #request() {
    const body = { question: this.question, history: this.history }
    return this.collection ? { ...body, collection: this.collection } : body
  }

  #take(event, data) {
    if (event === 'sources') {
      this.citations.sources = data.sources
      this.progress.textContent = this.words.t('writing')
      this.#showSources(data.sources)
    } else if (event === 'token' || event === 'replace') {
      this.text = event === 'token' ? this.text + data.text : data.text
      this.frame ??= requestAnimationFrame(() => this.#render())
    } else if (event === 'done') {
      this.answer = data
      this.text = data.answer
      this.#end()
      this.#done(data)
    }
  }

  /** Only blocks that changed are made again: a card that is open over an earlier one stays. */
  #render() {
    this.frame = null
    this.progress.hidden = true
    const fresh = blocks(this.text, { cite: (number) => this.citations.mark(number), codeActions: codeActions(this.words) })
    fresh.forEach((block, at) => {
      const old = this.shown[at]
      if (old?.source === block.source) return Object.assign(block, { made: old.made })
      block.made = block.node()
      if (old) old.made.replaceWith(block.made)
      else this.body.append(block.made)
    })
    for (const old of this.shown.slice(fresh.length)) old.made.remove()
    this.shown = fresh
  }

  #end() {
    cancelAnimationFrame(this.frame)
    this.progress.hidden = true
    if (this.text) this.#render()
    this.body.setAttribute('aria-busy', 'false')
  }

  #done(answer) {
    this.citations.sources = answer.sources
    this.shown.splice(0).forEach((block) => block.made.remove())
    this.#render() // marks now belong to the sources of the whole answer
    if (answer.asked) this.#showUnderstanding(answer.asked)
    const notices = answer.notices.map((notice) => h('p.notice', {}, this.words.notice(notice)))
    this.after.replaceChildren(...notices)
    if (answer.status === 'answered') this.#showAnswered(answer)
    else this.#showNearest(answer)
    if (answer.feedback_token) this.sources.append(feedbackNode(answer.feedback_token, this.service, this.words))
  }

  #showAnswered(answer) {
    const unchecked = answer.sentences.some((sentence) => sentence.support === 'unmatched')
    const told = answer.origin === 'extracted' && answer.notices.length > 0 // by the notice
    if (!told) this.after.append(h('p.origin', {}, this.words.t(unchecked ? 'unchecked' : answer.origin)))
    const numbered = answer.sources.map((source, at) => ({ ...source, number: at + 1 }))
    const cited = numbered.filter((source) => source.cited)
    this.after.append(this.#actions(cited))
    this.sources.replaceChildren()
    if (cited.length) this.sources.append(h('h3', {}, this.words.t('sources')), entryList(cited, this.words))
    const others = numbered.filter((source) => !source.cited)
    if (others.length) {
      this.sources.append(h('details.others', {}, h('summary', {}, this.words.t('others', { n: others.length })), entryList(others, this.words)))
    }
    this.words.say([...this.#noticeTexts(answer), this.words.t('ready', { n: cited.length })].join(' '))
  }

  /** Suggested or declined: the nearest questions, to ask with one click. */
  #showNearest(answer) {
    const suggested = answer.status === 'suggested'
    this.sources.replaceChildren()
    if (answer.sources.length) {
      const buttons = answer.sources.map((source) => h('li', {}, h('button.suggestion', {
        type: 'button', dir: 'auto', onclick: () => this.chat.ask(source.question, { collection: source.collection, moved: true }),
      }, source.question)))
      this.sources.append(h(suggested ? 'h3.hidden' : 'h3', {}, this.words.t(suggested ? 'did_you_mean' : 'nearest')), h('ul.suggestions', {}, buttons))
    }
    const status = this.words.t(suggested ? 'ready_suggested' : 'ready_no_answer', { n: answer.sources.length })
    this.words.say([...this.#noticeTexts(answer), status].join(' '))
  }

  #noticeTexts(answer) {
    return answer.notices.map((notice) => this.words.notice(notice))
  }

  #showUnderstanding(asked) {
    const alone = this.history.length > 0 && h('button.quiet', {
      type: 'button', onclick: () => this.chat.ask(this.question, { alone: true, moved: true }),
    }, this.words.t('ask_alone'))
    this.understood.replaceChildren(h('p', {}, `${this.words.t('understood')}: `, h('q', { dir: 'auto' }, asked)), alone || '')
  }

  /** Before the answer: what was found, folded. */
  #showSources(sources) {
    if (!sources.length) return
    const numbered = sources.map((source, at) => ({ ...source, number: at + 1 }))
    this.sources.replaceChildren(h('h3', {}, this.words.t('found')), entryList(numbered, this.words))
    this.words.say(this.words.t('writing'))
  }

  #actions(cited) {
    const told = async (text) => this.words.say(this.#note(this.words.t((await copy(text)) ? 'copied' : 'not_copied')))
    const listed = cited.map((source) => [`[${source.number}] ${source.question}`, source.url].filter(Boolean).join(' '))
    const address = this.chat.address(this)
    this.note = h('span.note', { 'aria-hidden': 'true' })
    return h('div.actions', {},
      h('button.quiet', { type: 'button', onclick: () => told([this.answer.answer, ...listed].join('\n')) }, this.words.t('copy')),
      address && h('button.quiet', { type: 'button', onclick: () => told(address) }, this.words.t('share')),
      this.note)
  }

  #note(text) {
    this.note.textContent = text
    return text
  }

  #stopped() {
    this.after.replaceChildren(h('p.notice', {}, this.words.t('stopped')), this.#retry(0))
    this.words.say(this.words.t('stopped'))
  }

  #failed(failure) {
    const told = this.words.failure(failure.name)
    const known = ['offline', 'unreachable', 'broken'].includes(failure.name)
    this.after.replaceChildren(h('div.trouble', {},
      h('p', {}, told),
      !known && failure.detail && h('p.detail', { lang: 'en', dir: 'auto' }, failure.detail),
      failure.requestId && !failure.detail?.includes(failure.requestId) && h('p.detail', {}, this.words.t('request', { id: failure.requestId })),
      this.#retry(failure.retryAfter)))
    if (!this.text) this.sources.replaceChildren()
    this.words.say(told)
    if (failure.name === 'unauthorized') this.chat.needKey(() => this.#again())
  }

  #retry(seconds) {
    const button = h('button', { type: 'button', onclick: () => button.getAttribute('aria-disabled') || this.#again() })
    const until = Date.now() + seconds * 1000
    const tick = () => {
      const left = Math.ceil((until - Date.now()) / 1000)
      button.textContent = left > 0 ? this.words.t('wait', { n: left }) : this.words.t('retry')
      if (left <= 0) return button.removeAttribute('aria-disabled')
      button.setAttribute('aria-disabled', 'true')
      return button.isConnected || left === seconds ? setTimeout(tick, 1000) : null
    }
    tick()
    return button
  }

  #again() {
    this.chat.again(this)
  }
}

function entryList(sources, words) {
  return h('ul.entries', {}, sources.map((source) => h('li', {}, h('details', {},
    h('summary', { dir: 'auto' }, h('span.number', {}, String(source.number)), ' ', source.question),
    ...entryNodes(source, words)))))
}
