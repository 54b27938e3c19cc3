// The page: a conversation with a chooser of collections, links that ask, and an API key where one is needed.
import { Key, Service, cut } from './api.js'
import { Chat } from './chat.js'
import { h } from './dom.js'
import { Words } from './words.js'

const $ = (id) => document.getElementById(id)
const data = JSON.parse($('data').textContent) // the document carries it, in the reader's language
const words = new Words(data, $('status'))
const key = new Key('askd-key')
const chooser = $('collection')
const linked = new URLSearchParams(location.search)
let loaded = false // the collections
let waiting = null // what goes on once there is an API key
let wrongKey = false // and has not been given again since

class Page extends Chat {
  get collection() {
    return chooser.value
  }

  async ask(question, options = {}) {
    if (!options.byLink) leaveLink()
    await super.ask(question, options)
  }

  ended(turn) {
    if (turn.answer && !loaded) loadCollections() // there was no key for it before
  }

  forget() {
    super.forget()
    waiting = null
    leaveLink()
  }

  /** A link that asks the same, also where the conversation completed the question. */
  address({ question, collection, history, answer }) {
    const url = new URL(location.pathname, location.href)
    const language = linked.get('lang')
    url.searchParams.set('q', history.length ? answer.asked ?? question : question)
    if (collection) url.searchParams.set('collection', collection)
    if (language) url.searchParams.set('lang', language)
    return url.href
  }

  needKey(then = null) {
    const form = $('key')
    const input = form.querySelector('input')
    wrongKey ||= key.get() !== null
    key.forget()
    waiting = then
    form.hidden = false
    $('key-text').textContent = wrongKey ? `${words.t('key_wrong')} ${words.t('key_text')}` : words.t('key_text')
    input.value = ''
    input.focus()
    words.say(words.t(wrongKey ? 'key_wrong' : 'key_title'))
    form.onsubmit = (event) => {
      event.preventDefault()
      const then = waiting ?? loadCollections
      key.set(input.value)
      form.hidden = true
      ;[waiting, wrongKey] = [null, false]
      this.parts.box.focus()
      then()
    }
  }
}

const page = new Page(new Service('', key), words, {
  conversation: $('conversation'), welcome: $('welcome'), fresh: $('new'),
  composer: $('composer'), box: $('question'), send: $('send'),
})

/** A link's question is not this one any more; its language stays. */
function leaveLink() {
  const url = new URL(location.href)
  url.searchParams.delete('q')
  url.searchParams.delete('collection')
  history.replaceState(null, '', url)
}

async function loadCollections() {
  try {
    const found = await page.service.collections()
    loaded = true
    if (found.length < 2) return
    const wanted = linked.get('collection')
    for (const { name } of found) chooser.append(h('option', { value: name, selected: name === wanted }, name))
    $('chooser').hidden = false
  } catch (failure) {
    if (failure.name === 'unauthorized' && $('key').hidden) page.needKey()
    // Any other failure shows, in words, with the first question.
  }
}

document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') page.stop()
})
if (data.examples.length) {
  const ask = (question) => h('li', {}, h('button.suggestion', { type: 'button', dir: 'auto', onclick: () => page.ask(question, { moved: true }) }, question))
  $('examples').append(h('ul.suggestions', {}, data.examples.map(ask)))
  $('examples').hidden = false
}
await loadCollections()
const question = cut(linked.get('q')?.trim() ?? '')
if (question) page.ask(question, { collection: linked.get('collection') ?? '', byLink: true })
