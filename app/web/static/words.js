// What is said in the reader's language, on the screen and to screen readers.

export class Words {
  /** `texts` by name, `keepDays` that the service keeps questions and comments for (0: it does not);
   *  changes of the element `status` are spoken by screen readers. */
  constructor({ texts, keepDays }, status) {
    Object.assign(this, { texts, keepDays, status })
  }

  /** The text with its {placeholders} filled in. */
  t(name, values = {}) {
    return this.texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key])
  }

  failure(name) {
    return this.texts.failures[name] ?? this.texts.failures.other
  }

  notice({ code, detail }) {
    return this.texts.notices[code] ?? detail
  }

  /** Spoken by screen readers; never the answer itself while it is written. */
  say(text) {
    this.status.textContent = ''
    // A change that follows in a later turn is spoken, also where the text is the same as before.
    setTimeout(() => (this.status.textContent = text), 50)
  }
}
