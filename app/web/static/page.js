// The page: the box for questions, the conversation, the chooser of collections, and the API key.
import { collections, cut, key } from './api.js'
import { h } from './dom.js'
import { examples, say, t } from './texts.js'
import { Turn } from './turn.js'

const MAX_TURNS = 10 // of a conversation, as it is sent along: 20 messages
const $ = (id) => document.getElementById(id)
const [composer, box, send, chooser] = [$('composer'), $('question'), $('send'), $('collection')]
const turns = []
let running = null
let loaded = false // the collections
let waiting = null // what goes on once there is an API key
let wrongKey = false // and has not been given again since
const linked = new URLSearchParams(location.search)

const page = {
  /** Asks a new question. `moved`: it was a click, and the focus follows it. */
  async ask(question, { alone = false, collection = chooser.value, moved = false, byLink = false } = {}) {
    if (!byLink) leaveLink()
    const before = alone ? [] : turns.slice(-MAX_TURNS).flatMap((turn) => turn.messages())
    const turn = new Turn(page, question, collection, before)
    turns.push(turn)
    $('welcome').hidden = true
    $('new').hidden = false
    $('conversation').append(turn.element)
    await run(turn, moved)
  },

  /** Asks a question again, in its place: nothing where that has gone with its conversation. */
  async again(turn) {
    const at = turns.indexOf(turn)
    if (at < 0) return
    const fresh = new Turn(page, turn.question, turn.collection, turn.history)
    turns.splice(at, 1, fresh)
    turn.element.replaceWith(fresh.element)
    await run(fresh, true)
  },

  /** Asks for an API key, and goes on with `then` once there is one. */
  needKey(then = null) {
    const form = $('key')
    const input = form.querySelector('input')
    wrongKey ||= key.get() !== null
    key.forget()
    waiting = then
    form.hidden = false
    $('key-text').textContent = wrongKey ? `${t('key_wrong')} ${t('key_text')}` : t('key_text')
    input.value = ''
    input.focus()
    say(t(wrongKey ? 'key_wrong' : 'key_title'))
    form.onsubmit = (event) => {
      event.preventDefault()
      const then = waiting ?? loadCollections
      key.set(input.value)
      form.hidden = true
      ;[waiting, wrongKey] = [null, false]
      box.focus()
      then()
    }
  },
}

/** A link's question is not this one any more; its language stays. */
function leaveLink() {
  const url = new URL(location.href)
  url.searchParams.delete('q')
  url.searchParams.delete('collection')
  history.replaceState(null, '', url)
}

async function run(turn, moved) {
  running?.stop()
  running = turn
  working(true)
  turn.element.scrollIntoView({ block: 'start' })
  if (moved) turn.title.focus({ preventScroll: true })
  await turn.run()
  if (running === turn) {
    running = null
    working(false)
  }
  if (turn.answer && !loaded) loadCollections() // there was no key for it before
}

function working(isWorking) {
  send.textContent = t(isWorking ? 'stop' : 'ask')
  send.classList.toggle('stop', isWorking)
}

async function loadCollections() {
  try {
    const found = await collections()
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

function grow() {
  box.style.height = 'auto'
  box.style.height = `${box.scrollHeight + 2}px`
}

composer.addEventListener('submit', (event) => {
  event.preventDefault()
  if (running) return running.stop()
  const question = box.value.trim()
  if (!question) {
    say(t('empty'))
    return box.focus()
  }
  box.value = ''
  grow()
  if (matchMedia('(pointer: coarse)').matches) box.blur() // makes room for the answer
  page.ask(question)
})
box.addEventListener('input', grow)
box.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
  event.preventDefault()
  if (!running) composer.requestSubmit()
})
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && running) running.stop()
})
$('new').addEventListener('click', () => {
  running?.stop()
  turns.length = 0
  waiting = null
  leaveLink()
  $('conversation').replaceChildren()
  $('welcome').hidden = false
  $('new').hidden = true
  box.focus()
})

if (examples.length) {
  const ask = (question) => h('li', {}, h('button.suggestion', { type: 'button', dir: 'auto', onclick: () => page.ask(question, { moved: true }) }, question))
  $('examples').append(h('ul.suggestions', {}, examples.map(ask)))
  $('examples').hidden = false
}
await loadCollections()
const question = cut(linked.get('q')?.trim() ?? '')
if (question) page.ask(question, { collection: linked.get('collection') ?? '', byLink: true })
