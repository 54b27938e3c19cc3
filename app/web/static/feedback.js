// Whether an answer helped, and in words what was missing; words only where the service keeps them.
import { Failure } from './api.js'
import { h } from './dom.js'

/** The question after an answer of the service; `token` is the answer's. */
export function feedbackNode(token, service, words) {
  const t = (...name) => words.t(...name)
  const note = h('span.note', { 'aria-hidden': 'true' })
  const [yes, no] = [true, false].map((helpful) => h('button.quiet', {
    type: 'button', 'aria-pressed': 'false', onclick: () => choose(helpful),
  }, t(helpful ? 'yes' : 'no')))
  const comment = h('textarea', { rows: '2', maxlength: '1000', dir: 'auto' })
  const submit = h('button.quiet', {}, t('send'))
  const form = h('form.comment', { hidden: true, onsubmit: (event) => (event.preventDefault(), send(false, comment.value)) },
    h('label', {}, t('comment'), comment),
    h('p.note', {}, t('kept', { n: words.keepDays })),
    submit)

  let [chosen, sent, sending] = [null, '', false] // the verdict and the comment that the service has

  async function choose(helpful) {
    if (helpful === chosen || (await send(helpful, sent))) {
      form.hidden = helpful || !words.keepDays
      if (!form.hidden) comment.focus()
    }
  }

  /** What is sent takes the place of what was sent before, its comment too. */
  async function send(helpful, text) {
    if (sending) return false
    let told = t('thanks')
    busy(true)
    try {
      await service.judge({ token, helpful, ...(text.trim() && { comment: text.trim() }) })
      ;[chosen, sent] = [helpful, text]
      yes.setAttribute('aria-pressed', String(helpful))
      no.setAttribute('aria-pressed', String(!helpful))
      if (text) form.hidden = true
    } catch (error) {
      told = words.failure(error instanceof Failure ? error.name : 'other')
    }
    busy(false)
    note.textContent = told
    words.say(told)
    return told === t('thanks')
  }

  /** Not `disabled`: that would take the focus away. */
  function busy(isSending) {
    sending = isSending
    for (const button of [yes, no, submit]) {
      if (isSending) button.setAttribute('aria-disabled', 'true')
      else button.removeAttribute('aria-disabled')
    }
  }

  return h('div.feedback', { role: 'group', 'aria-label': t('helped') },
    h('div.actions', {}, h('span', { 'aria-hidden': 'true' }, t('helped')), yes, no, note), form)
}
