// Numbers of the page for owners: totals, the trend as plots and as a table, how entries are used.
import { day, entry } from './admin-texts.js'
import { h } from './dom.js'

const OUTCOMES = { answered: 'answered', suggested: 'suggested only', declined: 'declined' }
const VERDICTS = { helpful: 'helpful', unhelpful: 'not helpful' }
const SHOWN = 15 // rows of a table before one asks for more

export function totalsSection({ totals, retention, since, notices }) {
  const kept = retention.questions
    ? `Questions and comments are kept for ${retention.questions} days, outcomes and verdicts for ${retention.outcomes}.`
    : `Outcomes and verdicts are kept for ${retention.outcomes} days, questions and comments not at all.`
  const tile = ([name, label]) => h('li', {}, h('b', {}, String(totals[name])), h(`span.swatch.${name}`), label)
  return h('section', { 'aria-labelledby': 'totals-title' },
    h('h2', { id: 'totals-title' }, 'Answers ', h('small', {}, `since ${day(since, { year: 'numeric' })}`)),
    h('ul.totals', {}, Object.entries({ ...OUTCOMES, ...VERDICTS }).map(tile)),
    h('p.note', {}, kept),
    notices.map((notice) => h('p.notice', {}, notice)))
}

export function daysSection({ days }) {
  const names = Object.entries({ ...OUTCOMES, ...VERDICTS })
  const rows = [...days].reverse().map((each) => [day(each.date, { year: 'numeric' }), ...names.map(([name]) => each[name])])
  return h('section', { 'aria-labelledby': 'days-title' },
    h('h2', { id: 'days-title' }, 'Day by day ', h('small', {}, 'in UTC')),
    h('div.plots', {}, plot('Questions', days, OUTCOMES), plot('Verdicts', days, VERDICTS)),
    h('details.more', {}, h('summary', {}, 'The days as a table'), table(['day', ...names.map(([, label]) => label)], rows)))
}

export function entriesSection({ most_used: used, never_used: never, more_never_used: more }) {
  const header = ['entry', 'answers rest on it', 'nearest without an answer', 'helpful', 'not helpful']
  const rows = used.map((each) => [entry(each), each.cited, each.nearest, each.helpful, each.unhelpful])
  return h('section', { 'aria-labelledby': 'entries-title' },
    h('h2', { id: 'entries-title' }, 'Entries'),
    h('h3', {}, 'Most used'),
    rows.length ? table(header, rows.slice(0, SHOWN)) : h('p', {}, 'None yet.'),
    rows.length > SHOWN && h('details.more', {}, h('summary', {}, `${rows.length - SHOWN} more`), table(header, rows.slice(SHOWN))),
    h('h3', {}, `Never used (${never.length + more})`),
    never.length
      ? h('details.more', {}, h('summary', {}, 'No answer rested on these entries'),
        h('ul', {}, never.map((each) => h('li', {}, entry(each)))), more > 0 && h('p.note', {}, `And ${more} more: askd gaps --json has all.`))
      : h('p', {}, 'Every entry of the FAQ was used.'))
}

/** Bars by day, parts above each other. The table below has the same numbers. */
function plot(title, days, parts) {
  const names = Object.keys(parts)
  const sums = days.map((each) => names.reduce((sum, name) => sum + each[name], 0))
  const [most, total] = [Math.max(1, ...sums), sums.reduce((sum, each) => sum + each, 0)]
  const said = `${title} by day, from ${day(days[0].date)} to ${day(days.at(-1).date)}: ${total} in all, at most ${Math.max(...sums)} a day. The numbers are in the table below.`
  const svg = node('svg', { viewBox: `0 0 ${days.length} 100`, preserveAspectRatio: 'none', role: 'img', 'aria-label': said })
  days.forEach((each, at) => {
    let top = 100
    const bar = node('g', {})
    const numbers = names.map((name) => `${each[name]} ${parts[name]}`).join(', ')
    bar.append(node('title', {}, `${day(each.date)}: ${numbers}`))
    for (const name of names) {
      const height = (each[name] / most) * 96
      top -= height
      if (height) bar.append(node('rect', { class: name, x: at + 0.1, y: top, width: 0.8, height }))
    }
    svg.append(bar)
  })
  return h('figure', {},
    h('figcaption', {}, h('h3', {}, title),
      h('div.legend', {}, Object.entries(parts).map(([name, label]) => h('span', {}, h(`span.swatch.${name}`), label)))),
    h('div.plot', { 'aria-hidden': total ? null : 'true' },
      h('span', {}, String(Math.max(...sums))), h('span.zero', {}, '0'), svg,
      h('span.dates', {}, h('span', {}, day(days[0].date)), h('span', {}, day(days.at(-1).date)))))
}

function table(header, rows) {
  const cell = (tag, at, ...content) => h(at ? `${tag}.count` : tag, tag === 'th' ? { scope: 'col' } : {}, ...content)
  return h('div.table', { tabindex: '0', role: 'region', 'aria-label': header.join(', ') }, h('table', {},
    h('thead', {}, h('tr', {}, header.map((name, at) => cell('th', at, name)))),
    h('tbody', {}, rows.map((row) => h('tr', {}, row.map((value, at) => cell('td', at, typeof value === 'object' ? value : String(value))))))))
}

function node(tag, attributes, text = '') {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(text)
  return made
}
