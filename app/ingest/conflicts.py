"""Equal questions with different answers: both are published, and a warning names them."""

from hashlib import blake2b

from app.domain import FaqEntry
from app.ranking.text import normalised_question

_MOST = 20


def marks(entry: FaqEntry) -> tuple[bytes, bytes]:
    """What to compare of question and answer: hashes, for an ingest may hold a hundred thousand."""
    question = normalised_question(entry.question) or entry.question
    return _hash(question), _hash(" ".join(entry.answer.split()))


class Conflicts:
    def __init__(self) -> None:
        self._first: dict[tuple[str, bytes], tuple[bytes, str]] = {}  # (answer, where)
        self._answers: dict[bytes, tuple[bytes, str]] = {}  # (answer, collection), whatever the collection
        self._found: list[tuple[str, str]] = []
        self._across: set[bytes] = set()

    def add(self, collection: str, question: bytes, answer: bytes, where: str) -> None:
        known, first = self._first.setdefault((collection, question), (answer, where))
        if known != answer:
            self._found.append((first, where))
        elsewhere, other = self._answers.setdefault(question, (answer, collection))
        if other != collection and elsewhere != answer:
            self._across.add(question)

    def warnings(self) -> list[str]:
        said = [
            f"the same question with different answers, both are published: {one}, and {other}"
            for one, other in self._found[:_MOST]
        ]
        if len(self._found) > _MOST:
            said.append(f"{len(self._found) - _MOST} more questions come twice with different answers")
        if self._across:
            said.append(
                f"{len(self._across)} questions are answered differently in several collections; "
                "a question that names no collection finds all of them"
            )
        return said


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
