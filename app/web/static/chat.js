// A conversation: the box for questions, the turns, and the one that is being answered. A page or a widget
// is a Chat with more around it.
import { Turn } from './turn.js'

const MAX_TURNS = 10 // of a conversation, as it is sent along: 20 messages

export class Chat {
  #turns = []
  #running = null

  /** `parts` are its elements: conversation, welcome (before the first question), fresh (the button that
   *  begins a new one), and the form composer with its box and its button send. */
  constructor(service, words, parts) {
    Object.assign(this, { service, words, parts })
    const { composer, box, fresh } = parts
    composer.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#submit()
    })
    box.addEventListener('input', () => this.#grow())
    box.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
      event.preventDefault()
      if (!this.#running) composer.requestSubmit()
    })
    fresh.addEventListener('click', () => this.forget())
  }

  /** Where questions are asked: '' for everywhere. */
  get collection() {
    return ''
  }

  /** A link that asks the question of this turn; null where there is none to give. */
  address() {
    return null
  }

  /** The service wants an API key; `then` goes on once there is one. */
  needKey() {}

  /** A turn came to its end. */
  ended() {}

  get running() {
    return this.#running !== null
  }

  /** Asks a new question. `moved`: it was a click, and the focus follows it. */
  async ask(question, { alone = false, collection = this.collection, moved = false } = {}) {
    const before = alone ? [] : this.#turns.slice(-MAX_TURNS).flatMap((turn) => turn.messages())
    const turn = new Turn(this, question, collection, before)
    this.#turns.push(turn)
    this.#begun(true)
    this.parts.conversation.append(turn.element)
    await this.#run(turn, moved)
  }

  /** Asks a question again, in its place: nothing where that has gone with its conversation. */
  async again(turn) {
    const at = this.#turns.indexOf(turn)
    if (at < 0) return
    const fresh = new Turn(this, turn.question, turn.collection, turn.history)
    this.#turns.splice(at, 1, fresh)
    turn.element.replaceWith(fresh.element)
    await this.#run(fresh, true)
  }

  /** Ends the answer that is being written. */
  stop() {
    this.#running?.stop()
  }

  /** Begins a new conversation. */
  forget() {
    this.stop()
    this.#turns.length = 0
    this.parts.conversation.replaceChildren()
    this.#begun(false)
    this.parts.box.focus()
  }

  #begun(has) {
    this.parts.welcome.hidden = has
    this.parts.fresh.hidden = !has
  }

  async #run(turn, moved) {
    this.stop()
    this.#running = turn
    this.#working(true)
    turn.element.scrollIntoView({ block: 'start' })
    if (moved) turn.title.focus({ preventScroll: true })
    await turn.run()
    if (this.#running === turn) {
      this.#running = null
      this.#working(false)
    }
    this.ended(turn)
  }

  #working(isWorking) {
    const { send } = this.parts
    send.textContent = this.words.t(isWorking ? 'stop' : 'ask')
    send.classList.toggle('stop', isWorking)
  }

  #submit() {
    if (this.#running) return this.stop()
    const { box } = this.parts
    const question = box.value.trim()
    if (!question) {
      this.words.say(this.words.t('empty'))
      return box.focus()
    }
    box.value = ''
    this.#grow()
    if (matchMedia('(pointer: coarse)').matches) box.blur() // makes room for the answer
    this.ask(question)
  }

  #grow() {
    const { box } = this.parts
    box.style.height = 'auto'
    box.style.height = `${box.scrollHeight + 2}px`
  }
}
