"""An answer for clients who cannot take text back: each sentence goes out once it has been checked."""

from dataclasses import dataclass

from app.domain import Answer, Replacement, Status, Text

_NEAREST = 3  # questions named where none is answered


@dataclass
class CheckedText:
    """Feed it the events of an answer; it returns what can be sent for each, for good."""

    _text: str = ""  # received, since it was last replaced
    _sent: int = 0  # characters of `_text`

    def feed(self, event: Text | Replacement | Answer) -> str:
        match event:
            case Text(text, checked):
                self._text += text
                return self._send(len(self._text) if checked is None else checked)
            case Replacement(text):
                return self._replace(text)
            case answer:
                return self._finish(complete_text(answer))

    def _send(self, end: int) -> str:
        out = self._text[self._sent : end]
        self._sent = max(self._sent, end)
        return out

    def _replace(self, text: str) -> str:
        sent = self._text[: self._sent]
        if text.startswith(sent):
            self._text = text
            return self._send(len(text))
        gap = sent and "\n\n"  # the sentences sent were checked: what follows goes on from them
        self._text, self._sent = text, len(text)
        return f"{gap}{text}"

    def _finish(self, text: str) -> str:
        sent = self._text[: self._sent]
        if sent.rstrip() == text.rstrip():
            return ""
        return self._replace(text)


def complete_text(answer: Answer) -> str:
    """The answer's text with what clients show as fields of its own: its marks, the nearest questions."""
    if answer.status is not Status.ANSWERED:
        nearest = [
            f"- {source.hit.entry.question} [{place}]"
            for place, source in enumerate(answer.sources[:_NEAREST], start=1)
        ]
        return "\n\n".join([answer.text, "\n".join(nearest)]) if nearest else answer.text
    cited = [place for place, source in enumerate(answer.sources, start=1) if source.cited]
    missing = "".join(f" [{place}]" for place in cited if f"[{place}]" not in answer.text)
    on_own_line = missing and answer.text.rstrip().endswith("```")
    return f"{answer.text}\n\n{missing.strip()}" if on_own_line else f"{answer.text}{missing}"


def source_list(answer: Answer) -> str:
    """The sources at the end of the text, for clients that show no others."""
    cited = [
        (place, source.hit.entry) for place, source in enumerate(answer.sources, start=1) if source.cited
    ]
    lines = [f"[{place}] {entry.question}{f' ({entry.url})' if entry.url else ''}" for place, entry in cited]
    return "\n\nSources:\n" + "\n".join(lines) if lines else ""
