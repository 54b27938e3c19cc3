// The marks [1] of an answer: buttons that show their entry on hover, on focus and on tap; and entries themselves.
import { copy, h } from './dom.js'
import { nodes } from './markdown.js'

const HOVER_MS = 120
const LEAVE_MS = 250
let ids = 0
let shown = null // the Citations, of all on the page, whose card is open

document.addEventListener('pointerdown', (event) => shown?.pressed(event.composedPath()[0]))

/** Makes the button that copies a block of code. */
export function codeActions(words) {
  return (code) => {
    const onclick = async () => words.say(words.t((await copy(code)) ? 'copied' : 'not_copied'))
    return h('button.quiet', { type: 'button', 'aria-label': words.t('copy_code'), onclick }, words.t('copy'))
  }
}

/** An entry itself, with its link. */
export function entryNodes(source, words) {
  const place = [source.collection, source.section].filter(Boolean).join(' › ')
  return [
    place && h('p.place', { dir: 'auto' }, place),
    h('div.text', {}, nodes(source.answer, { codeActions: codeActions(words) })),
    isWebAddress(source.url) && h('p', {}, h('a', { href: source.url, target: '_blank', rel: 'noopener noreferrer nofollow' }, words.t('open'))),
  ]
}

function isWebAddress(url) {
  return /^https?:\/\//i.test(url ?? '') && URL.canParse(url)
}

/** Makes the marks of one answer. They share a card, which stands after the mark it belongs to. */
export class Citations {
  /** `place` is the element around the text: the card stays inside its width. */
  constructor(place, words) {
    Object.assign(this, { place, words })
    this.sources = []
    this.open = null // the mark whose card is shown
    this.pinned = false
    this.card = h('div.card', { id: `card-${(ids += 1)}`, role: 'group' })
    this.card.addEventListener('pointerenter', () => this.#wait(null))
    this.card.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && this.#leave())
    this.card.addEventListener('focusout', (event) => this.#focusLeft(event))
    place.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.open) {
        event.stopPropagation()
        event.preventDefault() // else a dialog around it would close
        if (this.card.contains(this.#focused)) this.open.focus()
        this.hide()
      }
    })
  }

  /** What stands for [number]; null where there is no such source. */
  mark(number) {
    const source = this.sources[number - 1]
    if (!source) return null
    const label = this.words.t('source', { n: number, question: source.question })
    const mark = h('button.mark', { type: 'button', 'aria-label': label, 'aria-expanded': 'false' }, String(number))
    mark.addEventListener('pointerenter', (event) => event.pointerType === 'mouse' && this.#wait(() => this.#show(mark, source), HOVER_MS))
    mark.addEventListener('pointerleave', (event) => event.pointerType === 'mouse' && this.#leave())
    mark.addEventListener('focus', () => this.#show(mark, source))
    mark.addEventListener('focusout', (event) => this.#focusLeft(event))
    mark.addEventListener('click', () => this.#pin(mark, source))
    return mark
  }

  /** A press outside closes the card. */
  pressed(target) {
    if (target !== this.open && !this.card.contains(target)) this.hide()
  }

  hide() {
    if (shown === this) shown = null
    this.#wait(null)
    this.open?.setAttribute('aria-expanded', 'false')
    this.open?.removeAttribute('aria-controls')
    this.card.remove()
    this.open = null
    this.pinned = false
  }

  #pin(mark, source) {
    if (this.open === mark && this.pinned) return this.hide()
    this.#show(mark, source)
    this.pinned = true
  }

  #show(mark, source) {
    this.#wait(null)
    if (this.open === mark) return
    this.hide()
    shown?.hide()
    shown = this
    this.open = mark
    mark.setAttribute('aria-expanded', 'true')
    mark.setAttribute('aria-controls', this.card.id)
    const close = h('button.quiet.close', { type: 'button', 'aria-label': this.words.t('close'), onclick: () => (mark.focus(), this.hide()) }, '×')
    this.card.setAttribute('aria-label', source.question)
    this.card.replaceChildren(close, h('p.heading', { dir: 'auto' }, source.question), ...entryNodes(source, this.words).filter(Boolean))
    mark.after(this.card) // the next stop of the Tab key
    this.#place(mark)
  }

  /** Below the mark, within the width of the text. */
  #place(mark) {
    const [around, at] = [this.place.getBoundingClientRect(), mark.getBoundingClientRect()]
    const left = Math.max(0, Math.min(at.left - around.left - 24, around.width - this.card.offsetWidth))
    this.card.style.left = `${left}px`
    this.card.style.top = `${at.bottom - around.top + 6}px`
    if (!matchMedia('(hover: none)').matches) this.card.scrollIntoView({ block: 'nearest' })
  }

  get #focused() {
    return this.place.getRootNode().activeElement
  }

  #leave() {
    if (!this.pinned && !this.card.contains(this.#focused) && this.#focused !== this.open) {
      this.#wait(() => this.hide(), LEAVE_MS)
    }
  }

  #focusLeft(event) {
    const next = event.relatedTarget
    if (next && next !== this.open && !this.card.contains(next)) this.hide()
  }

  #wait(then, ms) {
    clearTimeout(this.timer)
    if (then) this.timer = setTimeout(then, ms)
  }
}
