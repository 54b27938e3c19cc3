// The chat of the widget, in a page of somebody else: what widget.js loads when it is first opened.
import { Service } from './api.js'
import { Chat } from './chat.js'
import { h } from './dom.js'
import { Words } from './words.js'

class Panel extends Chat {
  constructor(frame, parts, words, collection) {
    super(new Service(frame.base), words, parts)
    this.asked = collection
    // What Escape ends before it closes the dialog.
    frame.dialog.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.running) return
      event.preventDefault()
      this.stop()
    })
  }

  get collection() {
    return this.asked
  }

  opened() {
    this.parts.box.focus()
  }

  /** Nobody waits for the answer any more. */
  closed() {
    this.stop()
  }
}

/** Puts the chat into the frame that widget.js has made, with what the service has told it. */
export async function fill(frame, told, { collection = '', greeting }) {
  const { dialog, header, content, status, base } = frame
  const words = new Words(told, status)
  const t = (...name) => words.t(...name)
  await dress(content.getRootNode(), base + told.static)
  Object.assign(dialog, { lang: told.language, dir: told.dir })
  dialog.classList.add('chat')
  if (!told.allowed) return refuse(content, words)
  const fresh = h('button', { type: 'button', hidden: true }, t('new'))
  header.querySelector('h2').after(fresh)
  const welcome = h('section.welcome', {},
    h('h2', { dir: 'auto' }, greeting || t('greeting')),
    h('p', {}, t('about')),
    words.keepDays > 0 && h('p', {}, t('kept', { n: words.keepDays })))
  const conversation = h('div')
  const box = h('textarea', {
    id: 'question', rows: '1', maxlength: '8000', dir: 'auto', enterkeyhint: 'send', placeholder: t('placeholder'), 'aria-describedby': 'hint',
  })
  const send = h('button', {}, t('ask'))
  const composer = h('form.composer', {},
    h('label.hidden', { for: 'question' }, t('question')), box, send, h('p.hint', { id: 'hint' }, t('hint')))
  content.replaceChildren(welcome, conversation, composer)
  status.textContent = ''
  return new Panel(frame, { conversation, welcome, fresh, composer, box, send }, words, collection)
}

/** The page's own style sheets, in pixels: a rem is as large as the page around it says. */
async function dress(root, place) {
  const sheets = await Promise.all(['style.css', 'widget.css'].map(async (name) => {
    const response = await fetch(place + name)
    if (!response.ok) throw new Error(`${name}: HTTP ${response.status}`)
    const css = (await response.text()).replace(/(\d*\.?\d+)rem\b/g, (_, size) => `${size * 16}px`)
    return new CSSStyleSheet().replace(css)
  }))
  root.adoptedStyleSheets = [...sheets, ...root.adoptedStyleSheets]
}

function refuse(content, words) {
  const said = words.t('not_allowed', { origin: location.origin })
  content.replaceChildren(h('div.trouble', {}, h('p', {}, said)))
  words.say(said)
  return { opened: () => words.say(said), closed: () => {} }
}
