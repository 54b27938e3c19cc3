// What the page says, in the reader's language; the document carries it.

const data = JSON.parse(document.getElementById('data').textContent)

export const texts = data.texts
export const examples = data.examples
export const keepDays = data.keepDays // that the service keeps questions and comments for; 0: it does not

/** The text with its {placeholders} filled in. */
export function t(name, values = {}) {
  return texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key])
}

const status = document.getElementById('status')

/** Spoken by screen readers; never the answer itself while it is written. */
export function say(text) {
  status.textContent = ''
  // A change that follows in a later turn is spoken, also where the text is the same as before.
  setTimeout(() => (status.textContent = text), 50)
}
