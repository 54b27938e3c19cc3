// The page for owners: what was not answered, which entries are used, files of both, deletion. The key is asked
// for where the service wants one.
import { Failure, Key, Service } from './api.js'
import { daysSection, entriesSection, totalsSection } from './admin-figures.js'
import { gapsSection } from './admin-gaps.js'
import { h } from './dom.js'
import { Words } from './words.js'

const $ = (id) => document.getElementById(id)
const key = new Key('askd-owner-key') // not the one of `/`: a caller's is refused here, and forgotten
const service = new Service('admin/', key)
const words = new Words({}, $('status'))
const [report, chooser] = [$('report'), $('chooser')]
const FILES = [
  ['gaps.csv', 'Gaps as a table (CSV)'],
  ['questions.csv', 'Questions for askd eval (CSV)'],
  ['questions.jsonl', 'Questions for askd eval (JSONL)'],
]
const UNREACHED = {
  offline: 'This device is offline.',
  unreachable: 'The service cannot be reached. Is it running?',
}
let latest = 0 // of the loads, whose result is shown

const page = {
  say: (text) => words.say(text),
  told: (error) => (error instanceof Failure ? UNREACHED[error.name] ?? error.detail : String(error)),

  /** How many answers of the request were deleted. Throws a Failure. */
  async forget(requestId) {
    const response = await service.send(`answers/${encodeURIComponent(requestId)}`, { method: 'DELETE' })
    return (await response.json()).answers
  },

  save(name, content) {
    const link = h('a', { href: URL.createObjectURL(new Blob([content])), download: name })
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000)
  },
}

async function load() {
  const mine = ++latest
  report.setAttribute('aria-busy', 'true')
  if (!report.childElementCount) report.append(h('p.progress', {}, 'Reading, and comparing questions …'))
  words.say('Loading.')
  try {
    const found = await (await service.send(`report?${query()}`)).json()
    if (mine === latest) show(found)
  } catch (error) {
    if (mine === latest) fail(error)
  }
  if (mine === latest) report.setAttribute('aria-busy', 'false')
}

function query() {
  const chosen = new URLSearchParams({ days: $('days').value, least: $('least').value })
  if ($('collection').value) chosen.set('collection', $('collection').value)
  return chosen
}

function show(found) {
  chooser.hidden = false
  chooseAmong(found.collections)
  const parts = { gaps: 'Gaps', entries: 'Entries', files: 'Files', forget: 'Delete a request' }
  report.replaceChildren(
    h('nav', { 'aria-label': 'Parts of this page' }, Object.entries(parts).map(([name, label]) => h('a', { href: `#${name}-title` }, label))),
    totalsSection(found),
    daysSection(found),
    gapsSection(found, page),
    entriesSection(found),
    filesSection(),
    forgetSection())
  words.say(`Loaded. Groups of gaps: ${found.groups.length + found.more_groups}.`)
}

function chooseAmong(collections) {
  const select = $('collection')
  const known = new Set([...select.options].map((option) => option.value))
  for (const name of collections) if (!known.has(name)) select.append(h('option', { value: name }, name))
}

function fail(error) {
  const told = page.told(error)
  const refused = error.name === 'unauthorized' || (error.name === 'forbidden' && key.get())
  if (refused) {
    report.replaceChildren()
    return askForKey(error)
  }
  report.replaceChildren(h('div.trouble', {}, h('p', {}, told),
    h('p', {}, h('button.quiet', { type: 'button', onclick: load }, 'Try again'))))
  words.say(told)
}

function askForKey(error) {
  const [form, given] = [$('key'), key.get()]
  const input = form.querySelector('input')
  key.forget()
  const why = error.name === 'forbidden' ? `This is no owner’s key: ${error.detail}.`
    : given ? 'This key is not known.' : 'What was asked here is for owners.'
  const told = `${why} ${error.name === 'forbidden' ? '' : 'A key is made with: askd keys new NAME --role owner'}`
  $('key-text').textContent = told.trim()
  chooser.hidden = true
  form.hidden = false
  input.value = ''
  input.focus()
  words.say(told)
  form.onsubmit = (event) => {
    event.preventDefault()
    key.set(input.value)
    form.hidden = true
    load()
  }
}

function filesSection() {
  const note = h('span.note', { 'aria-hidden': 'true' })
  const button = ([name, label]) => h('button.quiet', {
    type: 'button',
    onclick: async () => {
      try {
        page.save(name, await (await service.send(`${name}?${query()}`)).blob())
        note.textContent = `Saved: ${name}`
      } catch (error) {
        note.textContent = page.told(error)
      }
      words.say(note.textContent)
    },
  }, label)
  return h('section', { 'aria-labelledby': 'files-title' },
    h('h2', { id: 'files-title' }, 'Files'),
    h('p', {}, 'Of the period and the collection above. Look the questions for askd eval over first: what was declined may be in the FAQ after all.'),
    h('div.files', {}, FILES.map(button), note))
}

function forgetSection() {
  const input = h('input', { required: true, pattern: '[A-Za-z0-9._\\-]{1,128}', autocomplete: 'off', spellcheck: 'false' })
  const note = h('p.note', { 'aria-hidden': 'true' })
  const form = h('form', {
    id: 'forget',
    onsubmit: async (event) => {
      event.preventDefault()
      try {
        const answers = await page.forget(input.value)
        note.textContent = answers ? `Deleted: ${answers} of request ${input.value}.` : `Nothing is kept of request ${input.value}.`
        input.value = ''
      } catch (error) {
        note.textContent = page.told(error)
      }
      words.say(note.textContent)
    },
  }, h('label', {}, 'Request id', input, h('button.quiet.danger', {}, 'Delete')), note)
  return h('section', { 'aria-labelledby': 'forget-title' },
    h('h2', { id: 'forget-title' }, 'Delete a request'),
    h('p', {}, 'All that is kept of it: its answers, its question, and what was said about them. The id is in the answer, in the header X-Request-ID and in the log.'),
    form)
}

chooser.addEventListener('change', load)
chooser.addEventListener('submit', (event) => event.preventDefault())
load()
