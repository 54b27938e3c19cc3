// How the page for owners shows texts of others, entries, dates and numbers.
import { h } from './dom.js'

// What would steer a terminal or turn a line around: control characters, and those that set its direction.
export const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

export const visible = (text) => text.replace(UNSEEN, '\ufffd')

/** An entry by its question, with its key. */
export function entry({ key, question }) {
  return h('span', {}, question && h('span.wording', { dir: 'auto' }, visible(question)), ' ', h('code', {}, visible(key)))
}

export function day(date, more = {}) {
  return new Date(`${date}T00:00Z`).toLocaleDateString('en-GB', { timeZone: 'UTC', day: 'numeric', month: 'short', ...more })
}

export function times(number) {
  return number === 1 ? 'once' : `${number} times`
}
