// The Markdown that answers and entries have, as elements: paragraphs, headings, lists, tables, quotations, code,
// emphasis and links. Everything else stays text. Elements are made one by one and their content is text nodes, so
// there is nothing to sanitise. Every pattern is linear: a text cannot make the page hang.
import { h } from './dom.js'

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/
const ITEM = /^( *)([-*+•]|\d{1,9}[.)])(?: +|$)(.*)$/s
const HEADING = /^ {0,3}#{1,6} (.*)$/s
const MAX_DEPTH = 6

/**
 * The blocks of a text: [{source, node()}], in order; a block whose source is as before need not be made again.
 * `cite(number)` makes what stands for the mark [number], null where there is no such source.
 * `codeActions(text)` makes what stands beside a block of code.
 */
export function blocks(text, options = {}, depth = 0) {
  const lines = text.replace(/\r\n?/g, '\n').replace(/\t/g, '    ').split('\n')
  const found = []
  const add = (from, to, node) => found.push({ source: lines.slice(from, to).join('\n'), node })
  let at = 0
  while (at < lines.length) {
    const from = at
    const line = lines[at]
    const fence = FENCE.exec(line)
    if (!line.trim()) {
      at += 1
    } else if (fence) {
      const close = new RegExp(`^ {0,3}${fence[1][0]}{${fence[1].length},} *((?:\\[\\d+\\] *)*)$`)
      for (at += 1; at < lines.length && !close.test(lines[at]); ) at += 1
      const code = lines.slice(from + 1, at).join('\n')
      const marks = at < lines.length ? close.exec(lines[at])[1] : ''
      at += 1
      add(from, at, () => h('div.code', {}, h('pre', { tabindex: '0', dir: 'ltr' }, h('code', {}, code)),
        options.codeActions?.(code), marks && h('p', {}, inline(marks, options))))
    } else if (HEADING.test(line)) {
      at += 1
      add(from, at, () => h('p.heading', { dir: 'auto' }, inline(headingText(line), options)))
    } else if (line.startsWith('>') && depth < MAX_DEPTH) {
      while (at < lines.length && lines[at].startsWith('>')) at += 1
      const inner = lines.slice(from, at).map((quoted) => quoted.replace(/^> ?/, '')).join('\n')
      add(from, at, () => h('blockquote', {}, nodes(inner, options, depth + 1)))
    } else if (ITEM.test(line) && depth < MAX_DEPTH) {
      at = endOfList(lines, at)
      const own = lines.slice(from, at)
      add(from, at, () => list(own, options, depth))
    } else if (beginsTable(lines, at)) {
      for (at += 2; at < lines.length && isRow(lines[at]); ) at += 1
      const own = lines.slice(from, at)
      add(from, at, () => table(own, options))
    } else {
      for (at += 1; at < lines.length && !begins(lines, at); ) at += 1
      const own = lines.slice(from, at).map((each) => each.trimEnd()).join('\n')
      add(from, at, () => h('p', { dir: 'auto' }, inline(own, options)))
    }
  }
  return found
}

export function nodes(text, options = {}, depth = 0) {
  return blocks(text, options, depth).map((block) => block.node())
}

/** Whether a line ends the paragraph before it. */
function begins(lines, at) {
  const line = lines[at]
  return !line.trim() || FENCE.test(line) || HEADING.test(line) || ITEM.test(line) || line.startsWith('>')
    || beginsTable(lines, at)
}

/** A row, and the rule below it: of nothing but hyphens, colons, pipes and spaces. */
function beginsTable(lines, at) {
  const rule = lines[at + 1] ?? ''
  return isRow(lines[at]) && rule.includes('|') && rule.includes('-') && /^[ :|-]+$/.test(rule)
}

function isRow(line) {
  return line.includes('|', 1)
}

/** Without the signs that may close it. */
function headingText(line) {
  return HEADING.exec(line)[1].trim().replace(/(?<= )#+$/, '').trimEnd()
}

function endOfList(lines, at) {
  const base = ITEM.exec(lines[at])[1].length
  for (at += 1; at < lines.length; at += 1) {
    const line = lines[at]
    const next = lines.slice(at, at + 2).find((each) => each.trim())
    // A blank line stays inside where an item or an indented line follows it.
    if (next === undefined) return at
    const inside = ITEM.test(next) || next.search(/\S/) > base
    if (!inside && (!line.trim() || begins(lines, at))) return at
    if (!inside && !lines[at - 1].trim()) return at
  }
  return at
}

function list(lines, options, depth) {
  const [, indent, mark] = ITEM.exec(lines[0])
  const base = indent.length
  const items = []
  for (const line of lines) {
    const item = ITEM.exec(line)
    if (item && item[1].length <= base + 1) items.push([item[3]])
    else items.at(-1).push(line.slice(Math.min(line.search(/\S|$/), base + mark.length + 1)))
  }
  const ordered = /\d/.test(mark)
  const start = ordered && parseInt(mark, 10) !== 1 ? parseInt(mark, 10) : null
  return h(ordered ? 'ol' : 'ul', { start, dir: 'auto' }, items.map((item) => h('li', {}, itemNodes(item.join('\n').trimEnd(), options, depth))))
}

/** An item of one paragraph is not a paragraph of its own. */
function itemNodes(text, options, depth) {
  const made = nodes(text, options, depth + 1)
  return made.flatMap((node, at) => (at === 0 && node.localName === 'p' ? [...node.childNodes] : [node]))
}

function table(lines, options) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, '').split(/(?<!\\)\|/).map((cell) => cell.replaceAll('\\|', '|').trim())
  const row = (line, tag) => h('tr', {}, cells(line).map((cell) => h(tag, { dir: 'auto' }, inline(cell, options))))
  return h('div.table', { tabindex: '0' }, h('table', {}, h('thead', {}, row(lines[0], 'th')),
    h('tbody', {}, lines.slice(2).map((line) => row(line, 'td')))))
}

// What may stand inside a line, in the order in which it is tried.
const INLINE = [
  [/(?<!`)(`+)(?!`)([^`]+)\1(?!`)/y, ([, , code]) => h('code', { dir: 'ltr' }, code.trim())],
  [/!?\[([^[\]\n]{1,500})\]\(<?([^\s<>()]{1,2000}(?:\([^\s<>()]{0,500}\)[^\s<>()]{0,500})?)>?(?: +"[^"\n]{0,200}")?\)/y,
    ([whole, text, url], options) => link(url, inside(text, options)) ?? whole],
  [/\[(\d{1,3}(?: *, *\d{1,3})*)\]/y, ([whole, numbers], options) => citations(numbers, options) ?? whole],
  [/<((?:https?:\/\/|mailto:)[^\s<>]{1,2000})>/y, ([whole, url]) => link(url, [url]) ?? whole],
  [/https?:\/\/[^\s<>"'`|]{1,2000}/y, ([url]) => bare(url)],
  [/\*\*(?=\S)([^\n]{0,1000}?\S)\*\*/y, ([, text], options) => h('strong', {}, inside(text, options))],
  [/\*(?=[^\s*])([^*\n]{0,1000}[^\s*])\*(?!\w)/y, ([, text], options) => h('em', {}, inside(text, options))],
  [/(?<!\w)_(?=[^\s_])([^_\n]{0,1000}[^\s_])_(?!\w)/y, ([, text], options) => h('em', {}, inside(text, options))],
  [/\\([\\`*_[\](){}#+.!|>~-])/y, ([, sign]) => sign],
  [/\n */y, () => h('br')],
]
const SPECIAL = /[`![<*_\\\n]|https?:/g

export function inline(text, options = {}) {
  const made = []
  let [at, plain] = [0, 0]
  const keep = (end) => end > plain && made.push(text.slice(plain, end))
  while (at < text.length) {
    SPECIAL.lastIndex = at
    const next = SPECIAL.exec(text)
    if (!next) break
    at = next.index
    const hit = firstHit(text, at)
    if (hit) {
      keep(at)
      made.push(...[hit.node(options)].flat())
      at += hit.length
      plain = at
    } else {
      at += 1
    }
  }
  keep(text.length)
  return made
}

function firstHit(text, at) {
  for (const [pattern, make] of INLINE) {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match) return { length: match[0].length, node: (options) => make(match, options) }
  }
  return null
}

/** Inside of a link or of emphasis there is only so much nesting. */
function inside(text, options) {
  const depth = (options.depth ?? 0) + 1
  return depth > 3 ? [text] : inline(text, { ...options, depth })
}

function link(address, content) {
  let url
  try {
    url = new URL(address)
  } catch {
    return null
  }
  if (!['http:', 'https:', 'mailto:'].includes(url.protocol)) return null
  return h('a', { href: url.href, target: '_blank', rel: 'noopener noreferrer nofollow' }, content)
}

/** A bare address ends before the punctuation of the sentence around it. */
function bare(text) {
  const kept = text.includes('(') ? /^.*[^.,;:!?*_\]}]/s : /^.*[^.,;:!?*_)\]}]/s
  const [url] = kept.exec(text)
  const rest = text.slice(url.length)
  return [link(url, [url]) ?? url, ...(rest ? inline(rest) : [])]
}

function citations(numbers, options) {
  if (!options.cite) return null
  const marks = numbers.split(',').map((number) => options.cite(Number(number)))
  return marks.every(Boolean) ? marks : null
}
