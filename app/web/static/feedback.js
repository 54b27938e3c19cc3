// Whether an answer helped, and in words what was missing; words only where the service keeps them.
import { Failure, judge } from './api.js'
import { h } from './dom.js'
import { keepDays, say, t, texts } from './texts.js'

/** The question after an answer; `token` is the answer's. */
export function feedbackNode(token) {
  const note = h('span.note', { 'aria-hidden': 'true' })
  const [yes, no] = [true, false].map((helpful) => h('button.quiet', {
    type: 'button', 'aria-pressed': 'false', onclick: () => choose(helpful),
  }, t(helpful ? 'yes' : 'no')))
  const comment = h('textarea', { rows: '2', maxlength: '1000', dir: 'auto' })
  const form = h('form.comment', { hidden: true, onsubmit: (event) => (event.preventDefault(), send(false, comment.value)) },
    h('label', {}, t('comment'), comment),
    h('p.note', {}, t('kept', { n: keepDays })),
    h('button.quiet', {}, t('send')))

  async function choose(helpful) {
    if (await send(helpful)) {
      form.hidden = helpful || !keepDays
      if (!form.hidden) comment.focus()
    }
  }

  async function send(helpful, words = '') {
    let told = t('thanks')
    try {
      await judge({ token, helpful, ...(words.trim() && { comment: words.trim() }) })
      yes.setAttribute('aria-pressed', String(helpful))
      no.setAttribute('aria-pressed', String(!helpful))
      if (words) form.hidden = true
    } catch (error) {
      const name = error instanceof Failure ? error.name : 'other'
      told = texts.failures[name] ?? texts.failures.other
    }
    note.textContent = told
    say(told)
    return told === t('thanks')
  }

  return h('div.feedback', { role: 'group', 'aria-label': t('helped') },
    h('div.actions', {}, h('span', { 'aria-hidden': 'true' }, t('helped')), yes, no, note), form)
}
