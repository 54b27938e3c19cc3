// Gaps in groups: each with its wordings and requests, what was said, and the beginning of an entry.
import { UNSEEN, entry, times, visible } from './admin-texts.js'
import { copy, h } from './dom.js'

const SHOWN = 20 // groups, before one asks for more
const COMMENTS = 2 // of a group, likewise
const FEW = 3 // requests, shown at once
const SURE_SECONDS = 5 // that "Delete for good" can be pressed

export function gapsSection(found, page) {
  const list = (part) => h('ol.gaps', {}, part.map((group) => gap(group, page)))
  const { groups, more_groups: more, rare_questions: rare, totals, retention } = found
  return h('section', { 'aria-labelledby': 'gaps-title' },
    h('h2', { id: 'gaps-title' }, 'Gaps ', h('small', {}, 'questions that were declined, suggested only, or did not help; those that ask for the same together')),
    !retention.questions && h('p.notice', {}, `Questions are not kept, so that gaps are counted only: ${totals.without_question}. To read them here, set ASKD_KEEP_QUESTIONS to a number of days and start askd again. Below, the entries that came nearest.`),
    retention.questions && totals.without_question ? h('p.note', {}, `${totals.without_question} more gaps have no question: none was kept at the time, or it has expired.`) : null,
    groups.length ? list(groups.slice(0, SHOWN)) : retention.questions ? h('p', {}, 'None in this period.') : null,
    groups.length > SHOWN && lazily(`${groups.length - SHOWN} smaller groups`, () => [list(groups.slice(SHOWN))]),
    more > 0 && h('p.note', {}, `And ${more} more groups: the table of gaps below has all.`),
    rare > 0 && h('p.note', {}, `${rare} rare questions are left out.`))
}

function gap(group, page) {
  const [first] = group.wordings
  const kinds = [[group.declined, 'declined'], [group.suggested, 'suggested only'], [group.unhelpful, 'did not help']]
  const why = kinds.filter(([number]) => number).map(([number, word]) => `${number} ${word}`).join(', ')
  const comments = [...new Set(group.comments)].map((comment) => h('blockquote', { dir: 'auto' }, visible(comment)))
  const form = h('div', { hidden: true })
  const open = h('button.quiet', {
    type: 'button',
    'aria-expanded': 'false',
    onclick: () => {
      form.hidden = !form.hidden
      if (!form.childElementCount) form.append(entryForm(group.draft, page))
      open.setAttribute('aria-expanded', String(!form.hidden))
      if (!form.hidden) form.querySelectorAll('textarea')[1].focus() // the answer
    },
  }, 'Write an entry')
  return h('li.gap', {},
    h('h3', { dir: 'auto' }, visible(first.question)),
    h('p.note', {}, `Asked ${times(group.asked)}: ${why}.`),
    group.nearest && h('p.note', {}, 'Nearest entry: ', entry(group.nearest)),
    comments.slice(0, COMMENTS),
    comments.length > COMMENTS && lazily(`More comments (${comments.length - COMMENTS})`, () => comments.slice(COMMENTS)),
    lazily(`Wordings and requests (${group.wordings.length + group.more_wordings})`, () => wordings(group, page)),
    h('div.actions', {}, open), form)
}

function wordings(group, page) {
  return [
    h('ul.wordings', {}, group.wordings.map((each) => h('li', {},
      h('span.wording', { dir: 'auto' }, visible(each.question)), h('span.note', {}, times(each.asked)),
      each.requests.length > FEW ? lazily(`Requests (${each.requests.length})`, () => [requests(each, page)]) : requests(each, page)))),
    group.more_wordings > 0 && h('p.note', {}, `And ${group.more_wordings} more.`),
  ]
}

function requests(wording, page) {
  return h('ul.requests', {}, wording.requests.map((id) => request(id, page)))
}

/** The id of a request, and a button that deletes all that is kept of it, pressed twice. */
function request(id, page) {
  let sure = false
  const button = h('button.quiet', { type: 'button', 'aria-label': `Delete request ${id}`, onclick: press }, 'Delete')
  const item = h('li', { tabindex: '-1' }, h('code', {}, id), button)
  async function press() {
    if (!sure) {
      set(true)
      page.say('Press again to delete it for good.')
      setTimeout(() => set(false), SURE_SECONDS * 1000)
      return
    }
    set(false)
    try {
      const answers = await page.forget(id)
      item.replaceChildren(h('code', {}, id), h('span.note', {}, `Deleted: ${answers}. The numbers follow when this page is loaded again.`))
      page.say(`Deleted: request ${id}.`)
      item.focus()
    } catch (error) {
      item.append(h('span.note', {}, page.told(error)))
      page.say(page.told(error))
    }
  }
  function set(isSure) {
    sure = isSure
    button.textContent = isSure ? 'Delete for good' : 'Delete'
    button.setAttribute('aria-label', `${button.textContent}: request ${id}`)
    button.classList.toggle('danger', isSure)
  }
  return item
}

/** An entry for the FAQ, as a line for one of its files. */
function entryForm(draft, page) {
  const question = h('textarea', { rows: '2', dir: 'auto' })
  question.value = draft.question.replace(UNSEEN, '')
  const collection = h('input', { autocomplete: 'off', value: draft.collection ?? '' })
  const answer = h('textarea', { rows: '4', dir: 'auto' })
  const line = h('code')
  const note = h('span.note', { 'aria-hidden': 'true' })
  const written = () => JSON.stringify({
    question: question.value.trim(), answer: answer.value.trim(), ...(collection.value.trim() && { collection: collection.value.trim() }),
  })
  const button = (label, use) => h('button.quiet', {
    type: 'button',
    onclick: async () => {
      const missing = [question, answer].find((box) => !box.value.trim())
      missing?.focus()
      note.textContent = missing ? `Write the ${missing === answer ? 'answer' : 'question'} first.` : await use(`${written()}\n`)
      page.say(note.textContent)
    },
  }, label)
  const form = h('div.entry', { oninput: () => (line.textContent = written()) },
    h('label', {}, 'Question', question),
    h('label', {}, 'Answer', answer),
    h('label', {}, 'Collection', collection),
    h('div.field', {}, h('span', {}, 'The line for your FAQ'), h('pre', { tabindex: '0', 'aria-label': 'The line for your FAQ' }, line)),
    h('div.actions', {},
      button('Copy the line', async (text) => ((await copy(text)) ? 'Copied.' : 'The browser did not allow copying.')),
      button('Save as new-entry.jsonl', (text) => (page.save('new-entry.jsonl', text), 'Saved: new-entry.jsonl')), note),
    h('p.note', {}, 'Add the line to a .jsonl file of your FAQ, and publish with askd ingest, which takes all files of the FAQ.'))
  line.textContent = written()
  return form
}

/** Opened by whoever wants it: there may be thousands. */
function lazily(title, content) {
  const details = h('details.more', {
    ontoggle: () => details.open && details.childElementCount === 1 && details.append(...content().filter(Boolean)),
  }, h('summary', {}, title))
  return details
}
