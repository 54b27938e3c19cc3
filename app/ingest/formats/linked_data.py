"""Entries that a page lists apart from the text that it shows: FAQPage JSON-LD, or front matter.

Sites often say the same twice: questions in the text, and again in a script. The script's entries are
taken; those that only the text has are taken with them, where it is surely a FAQ, too. What is not used is
reported.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from app.errors import BadFaqFile
from app.ingest.cleaning import CODE
from app.ingest.column_aliases import Names, quoted_names
from app.ingest.formats.events import MalformedJson, json_events_of
from app.ingest.formats.objects import read_objects
from app.ingest.formats.questions import ends_as_question
from app.ingest.formats.relaxed_json import strict_json
from app.ingest.records import Bad, Raw
from app.ingest.report import Notes

_SCRIPT = re.compile(
    rf"(?:{CODE.pattern})"  # a script that is shown as code is none
    r"|<script\b(?=[^<>]*\bld\+json\b)[^<>]*>(?P<inside>.*?)(?:</script\s*>|(?P<unclosed>\Z))",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_IN_MDX = re.compile(r"\{\s*(?:`(?P<text>.*)`|JSON\.stringify\((?P<value>.*)\))\s*\}", re.DOTALL)
_WORD = re.compile(r"\w+")
_MOST_NAMED = 3

Words = tuple[str, ...]


def without_scripts(markdown: str) -> tuple[str, list[str]]:
    """(the text without its JSON-LD, its lines where they were; the JSON-LD that may hold questions)"""
    scripts: list[str] = []

    def cut(found: re.Match[str]) -> str:
        if found["inside"] is None or found["unclosed"] is not None:
            return found[0]
        inside = found["inside"].strip()
        if in_mdx := _IN_MDX.fullmatch(inside):
            inside = in_mdx["text"] or in_mdx["value"]
        scripts.append(inside)
        return "\n" * found[0].count("\n")

    if "ld+json" not in markdown:
        return markdown, []
    return _SCRIPT.sub(cut, markdown), holding_questions(scripts)


def holding_questions(scripts: Sequence[str]) -> list[str]:
    return [script for script in scripts if "Question" in script]


def read_page(
    scripts: Sequence[str],
    read_text: Callable[[Notes], Iterator[Raw | Bad]],
    names: Names,
    notes: Notes,
    kept_in: str = "FAQPage JSON-LD",
) -> Iterator[Raw | Bad]:
    """The entries of the scripts, and those of the text; `read_text` reads the page without its scripts."""
    linked = list(_of_scripts(scripts, names, notes, kept_in))
    if not any(isinstance(one, Raw) for one in linked):
        notes.shape, notes.unused_unit = "", "lines"
        yield from read_text(notes)
        yield from linked if "JSON-LD" in kept_in else ()
        return
    page = Notes()
    shown = list(read_text(page))
    if page.skipped:  # the page is a draft, and its script with it
        notes.shape, notes.skipped = page.shape, notes.skipped + page.skipped
        return
    in_text = {_words(one, "question"): one for one in shown if isinstance(one, Raw)}
    asked = {_words(one, "question") for one in linked if isinstance(one, Raw)}
    others = [one for key, one in in_text.items() if key not in asked]
    is_faq = not page.questions and (
        page.shape == "front matter"
        or kept_in == "front matter"
        or sum(map(_is_question, others)) > len(linked)
        or (len(in_text) - len(others)) * 2 >= len(asked)
    )
    notes.shape = kept_in
    taken: list[Raw] = []
    if in_text and is_faq:
        taken = [one for one in others if _is_question(one) or page.shape == "front matter"]
        notes.shape += f", {page.shape}" if taken else ""
        notes.warnings += page.warnings
        linked = [_placed(one, in_text) for one in linked]
        _tell_of_text(notes, kept_in, page, in_text, linked, [one for one in others if one not in taken])
    elif page.total:
        _tell_of_no_faq(notes, kept_in, page, in_text.values())
    yield from linked
    yield from taken


def _of_scripts(scripts: Sequence[str], names: Names, notes: Notes, kept_in: str) -> Iterator[Raw | Bad]:
    for script in scripts:
        try:
            yield from _of_script(script, names, notes)
        except BadFaqFile as error:
            if "JSON-LD" in kept_in:  # front matter lists anything
                notes.warnings.append(f"JSON-LD that is skipped: {error}")


def _of_script(script: str, names: Names, notes: Notes) -> Sequence[Raw | Bad]:
    try:
        return list(read_objects(lambda: json_events_of(script), names, notes))
    except MalformedJson:
        strict = strict_json(script)
        if strict is None:
            raise
        return list(read_objects(lambda: json_events_of(strict), names, notes))


def _words(raw: Raw, field: str) -> Words:
    return tuple(_WORD.findall(str(raw.fields.get(field) or "").casefold()))


def _placed(one: Raw | Bad, in_text: Mapping[Words, Raw]) -> Raw | Bad:
    """With the collection and section that the same question has in the text."""
    twin = in_text.get(_words(one, "question")) if isinstance(one, Raw) else None
    if twin is None or not isinstance(one, Raw):
        return one
    place = {name: twin.fields.get(name) for name in ("id", "collection", "section")}
    return Raw({**place, **{name: value for name, value in one.fields.items() if value}}, one.place)


def _is_question(one: Raw) -> bool:
    return ends_as_question(str(one.fields["question"])) and bool(str(one.fields["answer"]).strip())


def _tell_of_no_faq(notes: Notes, kept_in: str, page: Notes, guessed: Iterable[Raw]) -> None:
    first = [*page.first_unused, *(repr(one.fields["question"]) for one in guessed)][:1]
    notes.warnings.append(
        f"{page.total} lines of the page's own text are in no entry{''.join(f'; {one}' for one in first)}; "
        f"--shape headings, or another, reads them instead of the {kept_in}"
    )


def _tell_of_text(
    notes: Notes,
    kept_in: str,
    page: Notes,
    in_text: Mapping[Words, Raw],
    linked: Sequence[Raw | Bad],
    left_out: Sequence[Raw],
) -> None:
    in_script = {_words(one, "question"): one for one in linked if isinstance(one, Raw)}
    otherwise = [
        str(one.fields["question"])
        for key, one in in_text.items()
        if (twin := in_script.get(key)) and set(_words(one, "answer")) - set(_words(twin, "answer"))
    ]
    if otherwise:
        notes.warnings.append(
            f"the page's text answers {len(otherwise)} questions in other words than its {kept_in}, whose "
            f"answers were taken: {quoted_names(otherwise, _MOST_NAMED)}; --shape headings, or another, "
            "reads the text instead"
        )
    if left_out:
        titles = quoted_names((str(one.fields["question"]) for one in left_out), _MOST_NAMED)
        notes.warnings.append(
            f"{len(left_out)} parts of the page that are no questions are left out: {titles}"
        )
    if page.unused:
        notes.warnings.append(
            f"{page.unused} of {page.total} lines of the page beside its {kept_in} are in no entry; "
            f"{'; '.join(page.first_unused)}"
        )
