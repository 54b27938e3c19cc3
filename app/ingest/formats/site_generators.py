"""What site generators add to Markdown, as plain Markdown: containers that fold a question become `<details>`
(MkDocs, VitePress, Docusaurus, Hugo), Jekyll's and GitBook's known tags become code, bold or nothing.
Other tags stay: an FAQ may explain a template language.

Line numbers stay.
"""

import re
from collections.abc import Iterator, Sequence

from app.ingest.formats.dialects import LONGEST, fenced
from app.ingest.formats.questions import asks

# A line that does not begin with a tag is a paragraph: it ends where a heading begins. HTML does not.
MARK = "\ufdd4"
_CLOSE = f"{MARK}</details>"
_FOLDED = frozenset(
    {"question", "faq", "help", "details", "expand", "accordion", "collapse", "spoiler", "faqitem"}
)
_MKDOCS = re.compile(r"(?:\?\?\?\+?|!!!)\s+(?P<kind>[\w-]++)[^\"]{0,100}\"(?P<title>[^\"]+)\"\s*")
_CONTAINER = re.compile(r"\s*:{3,}\s*(?P<kind>[\w-]++)\s*+(?:\[(?P<label>[^\]]*)\]\s*|(?P<title>.*))")
_CONTAINER_END = re.compile(r"\s*:{3,}\s*")
_SHORTCODE = re.compile(r"\s*\{\{[<%]\s*(?P<name>\w[\w/-]*)\s(?P<rest>[^{}]*)[>%]\}\}\s*")
_SHORTCODE_END = re.compile(r"\{\{[<%]\s*/\s*(?P<name>[\w/-]+)\s*[>%]\}\}\s*$")
_REFERENCE = re.compile(
    r"(?<=\]\()\{\{[<%]\s*(?:rel)?ref\s+\"([^\"\s]*)\"\s*[>%]\}\}"
)  # the target of a link
_TAG = re.compile(r"\s*\{%-?\s*(?P<name>\w++)(?P<rest>[^{}]*?)-?%\}\s*")
# Tags that lay out a page and say nothing. Those of Jekyll, then GitBook's.
_LAYOUT = frozenset({"include", "include_relative", "raw", "endraw", "comment", "endcomment"})
_LAYOUT |= {"hint", "endhint", "tabs", "endtabs", "tab", "endtab", "code", "endcode", "embed", "endembed"}
_LAYOUT |= {"content", "endcontent", "file", "endfile", "stepper", "endstepper", "step", "endstep"}
_LAYOUT |= {"columns", "endcolumns", "column", "endcolumn", "updates", "endupdates", "update", "endupdate"}
_ATTRIBUTES = re.compile(r"\{:[^{}]*\}\s*")  # kramdown's: `{: .no_toc}`
_NAMED = re.compile(r"(?<![\w-])([\w-]++)\s*=\s*\"([^\"]*)\"")
_POSITIONAL = re.compile(r"\"([^\"]*)\"|`([^`]*)`|'([^']*)'")
_TITLES = ("question", "title", "summary", "header", "label", "name")
_HTML_HEADING = re.compile(r"\s*<h(?P<level>[1-6])\b[^>]*>(?P<title>.*?)</h(?P=level)\s*>\s*", re.IGNORECASE)
_CRAMPED_HEADING = re.compile(r"(#{1,6}\xa0|#{2,6})(?=[^\s#])")


def plain_lines(lines: Sequence[str]) -> list[str]:
    return list(_folded(list(_untagged(lines))))


def _untagged(lines: Sequence[str]) -> Iterator[str]:
    fence = ""
    for line in lines:
        fence, in_code = fenced(line, fence)
        yield line if in_code or len(line) > LONGEST else _plain(line)


def _plain(line: str) -> str:
    if "ref" in line and "{{" in line:
        line = _REFERENCE.sub(r"\1", line)
    start = line.lstrip()[:2]
    if start == "{%" and (tag := _TAG.fullmatch(line)):
        return _tag(line, tag)
    if start == "{:" and _ATTRIBUTES.fullmatch(line):
        return ""
    if start[:1] == "#" and (cramped := _CRAMPED_HEADING.match(line)):
        return f"{cramped[1].rstrip()} {line[cramped.end() :]}"
    if start in ("<h", "<H") and (heading := _HTML_HEADING.fullmatch(line)):
        title = re.sub(r"<[^<>]+>", "", heading["title"]).strip()
        return f"{'#' * int(heading['level'])} {title}" if title else ""
    return line


def _tag(line: str, tag: re.Match[str]) -> str:
    """Jekyll's and GitBook's."""
    given = dict(_NAMED.findall(tag["rest"]))
    title = next((given[name] for name in _TITLES if given.get(name)), "")
    match tag["name"]:
        case "highlight":
            return f"```{tag['rest'].split()[0] if tag['rest'].split() else ''}"
        case "endhighlight":
            return "```"
        case _ if title and (answer := given.get("answer") or given.get("content")):
            return f"<details><summary>{title}</summary>{answer}</details>"
        case _ if title:
            return f"**{title}**"
        case name if name in _LAYOUT and "http" not in tag["rest"]:
            return ""
        case _:
            return line


def _folded(lines: Sequence[str]) -> Iterator[str]:
    closing = {found["name"] for line in lines if (found := _shortcode_end(line))}
    opened: list[tuple[str, bool]] = []  # containers and shortcodes: name, and whether it became <details>
    indented = False  # inside of MkDocs'
    fence = ""
    for number, line in enumerate(lines):
        if indented:
            if line.strip() and not line.startswith(("    ", "\t")):
                indented, line = False, _CLOSE + line
            elif not line.strip() and _ends_indented(lines, number):
                indented, line = False, _CLOSE
            else:
                line = line.removeprefix("\t") if line.startswith("\t") else line[4:]
        bare = line.removeprefix(_CLOSE)
        before = line[: len(line) - len(bare)]
        fence, in_code = fenced(bare, fence)
        if in_code or not bare or len(bare) > LONGEST:
            yield line
        elif bare[:3] in ("???", "!!!") and (found := _MKDOCS.fullmatch(bare)):
            indented = _folds(found["kind"], found["title"])
            yield before + (_open(found["title"]) if indented else line)
        elif bare.lstrip().startswith(":::"):
            yield before + _container(bare, opened)
        elif "{{" in bare:
            yield before + _shortcode(bare, opened, closing)
        else:
            yield line
    if indented:
        yield _CLOSE


def _ends_indented(lines: Sequence[str], number: int) -> bool:
    following = next((line for line in lines[number : number + 50] if line.strip()), "")
    return not following.startswith(("    ", "\t"))


def _container(line: str, opened: list[tuple[str, bool]]) -> str:
    if _CONTAINER_END.fullmatch(line):
        return _CLOSE if opened and opened.pop()[1] else line
    found = _CONTAINER.fullmatch(line)
    if not found:
        return line
    title = found["label"] or (found["title"] or "").rstrip()
    opened.append((":::", bool(title) and _folds(found["kind"], title)))
    return _open(title) if opened[-1][1] else line


def _shortcode(line: str, opened: list[tuple[str, bool]], closing: set[str]) -> str:
    found = _SHORTCODE.match(line)
    if not found or found["name"] not in closing:
        end = _shortcode_end(line)
        if end and opened and opened[-1][0] == end["name"]:
            return f"{line[: end.start()]}{_CLOSE}" if opened.pop()[1] else line
        return line
    named = dict(_NAMED.findall(found["rest"]))
    title = next((named[name] for name in _TITLES if named.get(name)), "")
    if not named and (first := _POSITIONAL.match(found["rest"].lstrip())):
        title = first[1] or first[2] or first[3] or ""
    opened.append((found["name"], bool(title) and _folds(found["name"], title)))
    if not opened[-1][1]:
        return line
    rest = line[found.end() :]
    return _open(title) + (_shortcode(rest, opened, closing) if "{{" in rest else rest)


def _shortcode_end(line: str) -> re.Match[str] | None:
    return _SHORTCODE_END.search(line) if "{{" in line and len(line) < LONGEST else None


def _folds(kind: str, title: str) -> bool:
    return kind.lower().replace("-", "") in _FOLDED or asks(title)


def _open(title: str) -> str:
    return f"{MARK}<details><summary>{title}</summary>"
