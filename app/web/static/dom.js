// Elements, made without HTML strings: what comes from a FAQ or a model only ever becomes text.

/** `tag` may carry classes: "p.notice". Attributes that are false or null are left out; `onclick` and the like take a function. */
export function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split('.')
  const node = document.createElement(name)
  if (classes.length) node.className = classes.join(' ')
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node.addEventListener(key.slice(2), value)
    else if (value !== false && value != null) node.setAttribute(key, value === true ? '' : value)
  }
  node.append(...children.flat().filter((child) => child != null && child !== false))
  return node
}

/** Whether the text is on the clipboard now. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // No clipboard without https: the old way, by a selection.
    const area = h('textarea.hidden', { 'aria-hidden': 'true', tabindex: '-1' })
    let focused = document.activeElement
    while (focused?.shadowRoot) focused = focused.shadowRoot.activeElement
    area.value = text
    ;(focused?.parentNode ?? document.body).append(area) // outside of an open dialog it could not be selected
    area.select()
    const done = document.execCommand('copy')
    area.remove()
    focused?.focus()
    return done
  }
}
