"""What looks like a question, and what like the title of a section."""

import re

_ENDS = re.compile(r"[?？؟՞](?:[\s*_`\"'”»)\]]|\{#[^}]*\})*$")
_BEGINS = re.compile(
    r"(?:¿|(?:how|what|why|when|where|who|whom|whose|which|can|can't|could|do|don't|does|did|is|isn't|are|will"
    r"|won't|would|should|may|must|am|has|have|wie|was|warum|wieso|weshalb|wann|wo|woher|wohin|wer|wem|welche"
    r"|welcher|welches|kann|können|darf|muss|ist|sind|gibt|habe|cómo|como|qué|cuál|cuándo|dónde|quién|puedo"
    r"|comment|pourquoi|quand|quel|quelle|quels|puis-je|peut-on|est-ce|où|come|perché|quando|quale|dove|posso"
    r"|hoe|wat|waarom|wanneer|waar|hur|vad|varför|jak|co|dlaczego|kiedy|gdzie|czy|как|что|почему|когда|где|кто"
    r"|можно|чому|де|що)\b)",
    re.IGNORECASE,
)
_ASKS_IN = re.compile(r"(?:怎么|如何|什么|为什么|吗$|呢$|ですか|ますか|でしょうか|나요|까요|어떻게)")
_SECTIONS = re.compile(
    r"(?:introduction|intro|overview|about|background|summary|abstract|contents|table of contents|toc|index"
    r"|install|installation|installing|setup|set up|getting started|quick ?start|requirements|prerequisites"
    r"|usage|examples?|configuration|settings|options|features|api|reference|references|documentation|docs"
    r"|error|errors|fix|fixes|cause|causes|reason|explanation|solution|solutions|resolution|answer|question"
    r"|problem|problem description|description|details|notes?|tips?|warning|caution|hint|steps?|step \d+"
    r"|method \d+|option \d+|part \d+|troubleshooting|debugging|testing|tests|deployment|build|building"
    r"|development"
    r"|contributing|contributors|contribution|license|licence|credits|acknowledge?ments?|authors?|changelog"
    r"|changes|history|roadmap|todo|faq|faqs|frequently asked questions|questions|general|misc|miscellaneous"
    r"|other|more|links|resources|support|contact|contact us|help|see also|further reading|related"
    r"|conclusion|appendix"
    r"|billing|pricing|payments?|shipping|returns|account|accounts|security|privacy|terms"
    r"|einleitung|einführung|überblick|übersicht|inhalt|inhaltsverzeichnis|voraussetzungen|beispiele?|lösung"
    r"|fehler|ursache|hinweise?|kontakt|allgemein|allgemeines|sonstiges|lizenz|introducción|instalación|ejemplos?"
    r"|solución|notas?|licencia|présentation|exemples?|remarques?|licence|contexte)",
    re.IGNORECASE,
)
_MOST_WORDS_OF_A_TITLE = 8  # a task may end with a colon, too: "Complete the following file so that …:"
_NUMBER = re.compile(r"^(?:\(?\d{1,3}(?:\.\d{1,3})*[.):]|\d{1,3}(?:\.\d{1,3})+)\s+")
_MARKED = re.compile(
    r"^(?P<bold>\*\*|__|\*|_)?\s*(?P<mark>Q|Question|Frage|Pregunta|Domanda|Pergunta|Vraag|Fråga|Pytanie|Вопрос|Питання|问|問|質問)"
    r"\s*[#№]?\s*\d{0,3}\s*(?:(?P=bold))?(?:[:：.)]|\s[-–—](?=\s))\s*(?P<inner>\*\*|__|\*)?\s*",
    re.IGNORECASE,
)
_MARKED_SHORT = re.compile(
    r"^(?P<bold>\*\*|__)?\s*(?P<mark>F|P|D|V|В|S)\s*\d{0,3}\s*[:：]\s*(?P<inner>\*\*|__)?\s*"
)
_ANSWERED = re.compile(
    r"^(?P<bold>\*\*|__|\*|_)?[ \t]*(?P<mark>A|Answer|Antwort|Respuesta|R[ée]ponse|Risposta|Resposta|Antwoord"
    r"|Svar|Odpowiedź|Ответ|Відповідь|答|回答)[ \t]*\d{0,3}[ \t]*(?:(?P=bold))?"
    r"(?P<end>[:：.)]|[ \t][-–—](?=[ \t]))[ \t]*(?P<close>\*\*|__|\*|_)?[ \t]*",
    re.IGNORECASE,
)
_ANSWERED_SHORT = re.compile(
    r"^(?P<bold>\*\*|__)?[ \t]*(?P<mark>R|A|О|S|C)[ \t]*\d{0,3}[ \t]*(?P<end>[:：])"
    r"[ \t]*(?P<close>\*\*|__)?[ \t]*"
)
_ANSWERED_INSIDE = re.compile(
    r"(?P<question>.{3,500}?[?？!.*_])\s+(?:\*\*|__)?(?:A|Answer|Antwort|R|Respuesta|R[ée]ponse|Risposta|Resposta)"
    r"(?:\*\*|__)?\s?[:：](?:\*\*|__)?\s+(?P<answer>\S.*)"
)
_BOLD = re.compile(r"^(?P<mark>\*\*|__)(?P<text>(?:(?!(?P=mark)).)+)(?P=mark)(?P<more>[ \t]*:?.*)$")
_ICON = re.compile(r"^(?:[\u2190-\u2bff\U0001f300-\U0001faff][\ufe0f\u20e3]?\s*)+(?=\S)")
_ASKING_ICON = re.compile(r"^(?:[❓❔⁉🤔]\ufe0f?\s*)+(?=\S)")
_ANCHOR = re.compile(r"<a\s[^>]*?(?:name|id)\s*=\s*[\"']?([\w.:-]+)[\"']?[^>]*>\s*(?:</a>)?", re.IGNORECASE)
_EXPLICIT_ID = re.compile(r"(.*?)\s*(?:\{#([^{}\s]+)\}|\{/\*\s*#([\w-]+)\s*\*/\})")
_LINKED = re.compile(r"^\[(.+)\]\([^()]*\)$")


def asks(text: str) -> bool:
    """Whether this looks like a question."""
    bare = _NUMBER.sub("", text.strip().strip("*_# \t"))
    if mark := marked(bare):  # "Question:" alone is the title of a part
        return bool(bare[mark.end() :].strip())
    return bool(_ENDS.search(bare) or _BEGINS.match(bare) or _ASKS_IN.search(bare))


def ends_as_question(text: str) -> bool:
    return bool(_ENDS.search(text.strip()))


def is_section_title(text: str) -> bool:
    """Whether a "question" is more likely the title of a part of a text: "Installation", "Fix:"."""
    bare = _NUMBER.sub("", text.strip().strip("*_` \t"))
    if asks(bare):
        return False
    announces = bare.endswith((":", "：")) and len(bare.split()) <= _MOST_WORDS_OF_A_TITLE
    return announces or bool(_SECTIONS.fullmatch(bare.rstrip(" .:!")))


def heading_parts(title: str) -> tuple[str, str | None]:
    """(the question, its explicit id) of a heading, without numbers, marks, anchors and its own link."""
    id_ = None
    if explicit := _EXPLICIT_ID.fullmatch(title):
        title, id_ = explicit[1], explicit[2] or explicit[3]
    if anchor := _ANCHOR.search(title):
        title = _ANCHOR.sub("", title)
        id_ = id_ or anchor[1]
    if linked := _LINKED.match(title.strip()):
        title = linked[1]
    return bare_question(title), id_


def bare_question(text: str) -> str:
    """A question without its number and its "Q:"."""
    text = _ASKING_ICON.sub("", text.strip())
    for _ in range(2):
        text = _NUMBER.sub("", text) if _NUMBER.sub("", text).strip() else text
        if mark := marked(text):
            text = unmarked_question(text, mark)
    bold = _BOLD.match(text)
    if bold and not bold["more"].strip(" :"):
        text = bold["text"].strip()
        text = _NUMBER.sub("", text) if _NUMBER.sub("", text).strip() else text
        if mark := marked(text):
            text = unmarked_question(text, mark)
    return text.strip()


def marked(line: str, *, short: bool = False) -> re.Match[str] | None:
    """The `Q:` a line begins with; `short`: also the `F:` and `P:` of other languages."""
    return _MARKED.match(line) or (_MARKED_SHORT.match(line) if short else None)


def answered(line: str, *, short: bool = False) -> re.Match[str] | None:
    """The `A:` a line begins with."""
    return _ANSWERED.match(line) or (_ANSWERED_SHORT.match(line) if short else None)


def answered_inside(question: str) -> tuple[str, str] | None:
    """(question, answer) of `How? A: So.` in one line."""
    found = _ANSWERED_INSIDE.fullmatch(question)
    return (found["question"].strip("*_ "), found["answer"].strip()) if found else None


def surely_answered(text: str) -> re.Match[str] | None:
    """The `A:` a text begins with, where nothing else says that it is one: "A. Smith" is none."""
    mark = _ANSWERED.match(text)
    return mark if mark and mark["end"] in ":：" else None


def unmarked_question(text: str, mark: re.Match[str]) -> str:
    rest = text[mark.end() :]
    for bold in filter(None, (mark["bold"], mark["inner"])):
        if rest.count(bold) % 2:
            rest = rest.replace(bold, "", 1)
    return rest.strip()


def unmarked_answer(line: str, mark: re.Match[str]) -> str:
    rest = line[mark.end() :]
    bold = mark["bold"]
    if bold and mark["close"] is None and rest.count(bold) % 2:
        rest = rest.replace(bold, "", 1)
    elif mark["close"] and not bold:
        rest = mark["close"] + rest  # the bold belongs to the answer
    return rest


def bold_question(line: str) -> tuple[str, str] | None:
    """(question, what follows it on its line) of `**How?** Like this`."""
    if bold := _BOLD.match(_ICON.sub("", line.strip())):
        more = bold["more"].strip()
        if ends_as_question(bold["text"]) or (not more and asks(bold["text"])):
            return bare_question(bold["text"]), more.lstrip(":-–—→ ").strip() if more else ""
        if more.startswith("?"):
            return bare_question(bold["text"]) + "?", more[1:].strip()
    return None
