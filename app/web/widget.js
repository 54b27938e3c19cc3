// A button in any page, and behind it the chat of askd, loaded when it is first opened:
//   <script src="https://faq.example.org/widget.js" data-collection="shop" defer></script>
// It shares no styles, names or storage with the page around it; docs/widget.md has its attributes.
;(() => {
  const given = {/* given */}
  const script = document.currentScript
  if (!script) return console.error('askd: widget.js is no module; load it by <script src="…/widget.js">')
  const options = { ...script.dataset }
  const base = new URL('.', script.src).href
  const language = options.language || document.documentElement.lang || navigator.language
  const wanted = language.toLowerCase().split('-')[0]
  const code = Object.hasOwn(given.texts, wanted) ? wanted : given.language
  const texts = given.texts[code]

  // Important rules of a shadow tree win over those of the page around it, important ones too.
  const style = `
:host { all: initial !important; display: block !important; position: absolute !important; inline-size: 0 !important; block-size: 0 !important; color-scheme: light dark !important; }
* { box-sizing: border-box; }
button { font: inherit; cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.launcher, dialog { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
.launcher { position: fixed; z-index: 2147483647; inset-block-end: 20px; inset-inline-end: 20px; display: flex; align-items: center; gap: 8px; min-block-size: 48px; min-inline-size: 48px; max-inline-size: calc(100vw - 40px); padding: 8px 18px; border: 1px solid var(--on-accent); border-radius: 24px; background: var(--accent); color: var(--on-accent); box-shadow: 0 4px 16px #0005; }
.launcher svg { flex: none; }
.launcher span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.left { left: 20px; right: auto; }
.right { right: 20px; left: auto; }
dialog { position: fixed; inset-block: auto 20px; inset-inline: auto 20px; margin: 0; padding: 0; inline-size: min(420px, 100vw - 40px); block-size: min(680px, 100dvh - 40px); max-inline-size: none; max-block-size: none; overflow: hidden; border: 1px solid #7a8591; border-radius: 14px; box-shadow: 0 12px 40px #0006; background: Canvas; color: CanvasText; }
dialog[open] { display: flex; flex-direction: column; }
dialog::backdrop { background: #0003; }
header { display: flex; align-items: center; gap: 8px; padding: 8px 16px; background: var(--accent); color: var(--on-accent); }
header h2 { flex: 1; margin: 0; font-size: 17px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: inherit; }
header button { min-block-size: 32px; min-inline-size: 32px; padding: 2px 10px; border: 1px solid currentColor; border-radius: 8px; background: none; color: inherit; }
header button:focus-visible { outline-color: currentColor; }
.content { flex: 1; min-block-size: 0; overflow: auto; padding: 16px; }
.content button.again { min-block-size: 32px; }
.hidden { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 480px) { dialog { inset: 0; inline-size: 100vw; block-size: 100dvh; border: 0; border-radius: 0; } .launcher span { display: none; } .launcher { padding: 8px 11px; } }
@media print { .launcher { display: none; } }`

  const make = (tag, attributes, ...children) => {
    const node = document.createElement(tag)
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value)
    node.append(...children)
    return node
  }

  /** A speech bubble. */
  const icon = () => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
    for (const [name, value] of Object.entries({ width: 24, height: 24, viewBox: '0 0 24 24', fill: 'currentColor', 'aria-hidden': 'true' })) svg.setAttribute(name, value)
    path.setAttribute('d', 'M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2h-8l-5 4v-4H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z')
    svg.append(path)
    return svg
  }

  const title = options.title || given.name
  const side = ['left', 'right'].includes(options.position) ? options.position : ''
  const said = { lang: code, dir: given.rightToLeft.includes(code) ? 'rtl' : 'ltr' }
  const launcher = make('button', { type: 'button', class: `launcher ${side}`, 'aria-haspopup': 'dialog', 'aria-label': options.label || texts.open, ...said }, icon(), make('span', {}, options.label || texts.open))
  const close = make('button', { type: 'button', class: 'close', 'aria-label': texts.close }, '×')
  const header = make('header', {}, make('h2', { id: 'title', dir: 'auto' }, title), close)
  const content = make('div', { class: 'content' })
  const status = make('p', { class: 'hidden', role: 'status' })
  const dialog = make('dialog', { class: side, 'aria-labelledby': 'title', ...said }, header, content, status)
  let panel = null // the chat, once it is loaded
  let loading = false

  function open() {
    if (!dialog.open) dialog.showModal()
    if (panel) panel.opened()
    else load()
  }

  async function load() {
    if (loading) return
    loading = true
    content.replaceChildren(make('p', {}, texts.loading))
    status.textContent = texts.loading
    close.focus()
    let blocked = false // by the policy of the page around it
    const hear = (event) => (blocked ||= event.blockedURI.startsWith(new URL(base).origin))
    document.addEventListener('securitypolicyviolation', hear)
    try {
      const response = await fetch(`${base}widget.json?lang=${encodeURIComponent(language)}`)
      if (!response.ok) throw new Error(`HTTP ${response.status}`)
      const told = await response.json()
      const { fill } = await import(base + told.static + 'panel.js')
      panel = await fill({ host, dialog, header, content, status, base, title }, told, options)
      if (dialog.open) panel.opened()
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, 100)) // a violation is reported after the failure
      const words = blocked ? texts.blocked.replace('{origin}', new URL(base).origin) : texts.failed
      const again = make('button', { type: 'button', class: 'again' }, texts.retry)
      again.addEventListener('click', load)
      content.replaceChildren(make('p', { class: 'trouble' }, words), again)
      status.textContent = words
      console.error('askd:', error)
    } finally {
      document.removeEventListener('securitypolicyviolation', hear)
      loading = false
    }
  }

  launcher.addEventListener('click', open)
  close.addEventListener('click', () => dialog.close())
  let beside = false // the press began there: a selection that ends there closes nothing
  dialog.addEventListener('pointerdown', (event) => (beside = event.target === dialog))
  dialog.addEventListener('click', (event) => beside && event.target === dialog && dialog.close())
  dialog.addEventListener('close', () => {
    panel?.closed()
    launcher.focus()
  })

  const host = document.createElement('askd-widget')
  const root = host.attachShadow({ mode: 'open' })
  // The page's shortcuts are not for what is typed here.
  for (const kind of ['keydown', 'keypress', 'keyup']) root.addEventListener(kind, (event) => event.stopPropagation())
  const sheet = new CSSStyleSheet() // no style element: the page's policy need not allow any
  sheet.replaceSync(style + given.style + accent(options.color))
  root.adoptedStyleSheets = [sheet]
  root.append(launcher, dialog)

  /** The page's own colour, as light or dark as text in it has to be. */
  function accent(color) {
    const known = color && CSS.supports('color', color) && CSS.supports('color', 'oklch(from red l c h)')
    if (!known) return ''
    return `:host { --accent: oklch(from ${color} min(l, .48) c h); --on-accent: #ffffff; }
@media (prefers-color-scheme: dark) { :host { --accent: oklch(from ${color} max(l, .78) c h); --on-accent: #14171c; } }`
  }

  function start() {
    document.body.append(host)
    if ('open' in options && options.open !== 'false') open()
  }
  if (document.body) start()
  else document.addEventListener('DOMContentLoaded', start)
})()
