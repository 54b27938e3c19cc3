"""What people call the fields of a FAQ: names in any case, in the usual languages, best first."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

# A name further to the front wins: a record with `question` and `title` is asked its `question`.
ALIASES: Mapping[str, Sequence[str]] = {
    "question": (
        *("question", "questions", "faq question", "question text", "q", "frage", "fragen", "pregunta"),
        *("preguntas", "domanda", "pergunta", "vraag", "pytanie", "spørgsmål", "spørsmål", "fråga"),
        *("kysymys", "otázka", "kérdés", "întrebare", "soru", "вопрос", "питання", "въпрос", "ερώτηση"),
        *("سؤال", "السؤال", "שאלה", "प्रश्न", "问题", "問題", "提问", "質問", "질문", "câu hỏi", "pertanyaan"),
        *("domande", "perguntas", "vragen", "pytania", "întrebări", "вопросы", "pitanje", "pitanja"),
        *("vprašanje", "klausimas", "jautājums", "küsimus", "soalan", "ご質問", "問い", "よくある質問"),
        *("常见问题", "คำถาม", "سوال", "پرسش", "सवाल", "প্রশ্ন"),
        *("faq", "query", "user question", "customer question", "prompt", "instruction", "input"),
        *("title", "titel", "titre", "título", "titolo", "tytuł", "heading", "header", "headline", "subject"),
        *("patterns", "utterances", "betreff", "name", "intent", "issue", "problem", "summary"),
    ),
    "answer": (
        *("answer", "answers", "faq answer", "answer text", "a", "antwort", "antworten", "respuesta"),
        *("respuestas", "réponse", "réponses", "risposta", "resposta", "antwoord", "odpowiedź", "svar"),
        *("vastaus", "odpověď", "válasz", "răspuns", "cevap", "yanıt", "ответ", "відповідь", "отговор"),
        *(
            "απάντηση",
            "جواب",
            "الجواب",
            "إجابة",
            "الإجابة",
            "תשובה",
            "उत्तर",
            "答案",
            "回答",
            "解答",
            "답변",
            "câu trả lời",
        ),
        *("risposte", "respostas", "antwoorden", "odpowiedzi", "răspunsuri", "ответы", "odgovor"),
        *("odgovori", "odpoveď", "atsakymas", "atbilde", "jawapan", "ご回答", "答え", "คำตอบ", "پاسخ"),
        *("जवाब", "উত্তর"),
        *(
            "jawaban",
            "acceptedanswer",
            "accepted answer",
            "suggestedanswer",
            "text",
            "body",
            "response",
            "responses",
        ),
        *("reply", "completion", "content", "contents", "inhalt", "texto", "contenido", "contenu"),
        *("solution", "lösung", "solución", "resolution", "output", "html", "desc un html"),
        *("description", "description text", "beschreibung", "article body", "article", "value"),
    ),
    "collection": (
        *("collection", "course", "kurs", "curso", "cours", "sammlung", "category", "kategorie"),
        *("categoría", "categoria", "catégorie", "kategoria", "kategori", "категория", "категорія", "类别"),
        *("分类", "分類", "カテゴリ", "カテゴリー", "카테고리", "categorie", "kategorija", "danh mục"),
        *("product", "produkt", "producto", "produit", "prodotto"),
        *("categories", "kategorien", "categorías", "catégories", "category name", "collection name"),
        *("knowledge base", "space", "project"),
    ),
    "section": (
        *(
            "section",
            "abschnitt",
            "bereich",
            "sección",
            "secção",
            "seção",
            "sezione",
            "sektion",
            "раздел",
            "章节",
        ),
        *("subcategory", "sub category", "unterkategorie", "topic", "thema", "tema", "rubrik", "rubrique"),
        *("group", "gruppe", "folder", "chapter", "kapitel", "module"),
        *("section name", "folder name", "topic name", "sous catégorie", "sottocategoria", "subcategoría"),
        *("subcategorie", "サブカテゴリ", "サブカテゴリー", "小分类", "子分类", "セクション"),
    ),
    "url": (
        *("html url", "url", "link", "href", "web url", "source url", "page url", "permalink"),
        *("enlace", "lien", "ссылка", "canonical url", "adresse", "public url"),
    ),
    "id": (
        *("id", "key", "uuid", "guid", "faq id", "question id", "article id", "external id", "document id"),
        *("entry id", "record id", "identifier", "slug"),
    ),
}
FIELDS = tuple(ALIASES)
# Aliases so general that they only count beside a sure one.
WEAK = frozenset(
    {"name", "intent", "issue", "problem", "summary", "input", "value", "description", "html", "output"}
)
# Of these a list may be meant: several ways to ask, an answer in several parts.
MANY_QUESTIONS = frozenset({"questions", "patterns", "utterances"})
MANY_ANSWERS = frozenset({"answers", "responses"})
_LONGEST = 200  # characters of a name
_NO_NAME = re.compile(r"[\W_]+")


@lru_cache(maxsize=10_000)
def plain_name(name: str) -> str:
    """Ignores case, Unicode form, underscores, punctuation and what stands in parentheses."""
    if len(name) > _LONGEST:
        return ""  # a text
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))
    spaced = re.sub(r"\([^)]*\)|\[[^]]*\]", " ", spaced)
    return _NO_NAME.sub(" ", spaced).strip().casefold()


def _unaccented(plain: str) -> str:
    """Many leave accents out: `reponse`, `intrebare`."""
    return "".join(c for c in unicodedata.normalize("NFD", plain) if not "\u0300" <= c <= "\u036f")


_RANKS: Mapping[str, Mapping[str, int]] = {
    field: {
        name(plain_name(alias)): rank
        for name in (_unaccented, str)
        for rank, alias in reversed(list(enumerate(aliases)))
    }
    for field, aliases in ALIASES.items()
}


# "FAQ title", "body_html" and "question_en" are a title, a body and a question, if nothing else is.
_DECORATED = re.compile(
    r"(?:faq |article |kb )?(.+?)(?: (?:html|text|markdown|en|eng|de|fr|es|it|pt|nl|pl|ru|uk|ja|zh|ko))?"
)
_BEHIND = 1_000


def _rank(field: str, plain: str) -> int | None:
    """How good a name is for a field, 0 the best; None where it is none."""
    ranks = _RANKS[field]
    if plain in ranks:
        return ranks[plain]
    if not plain.isascii() and (found := ranks.get(_unaccented(plain))) is not None:
        return found
    decorated = _DECORATED.fullmatch(plain)
    return ranks[decorated[1]] + _BEHIND if decorated and decorated[1] in ranks else None


class Names:
    """Which key of a record stands for which field; `given` (from --map) wins over every alias."""

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._given = {field: plain_name(name) for field, name in (given or {}).items()}
        self._paths = {field: name.split(".") for field, name in (given or {}).items() if "." in name}
        self._known: dict[str, tuple[tuple[str, int], ...]] = {}

    def fields_of(self, name: str) -> Sequence[tuple[str, int]]:
        """(field, rank) for each field the name may stand for; rank 0 is the best."""
        if (known := self._known.get(name)) is None:
            known = tuple(self._find(name))
            if len(self._known) < 10_000:  # keys may be anything: questions themselves, in a map
                self._known[name] = known
        return known

    def _find(self, name: str) -> Iterable[tuple[str, int]]:
        plain = plain_name(name)
        for field in FIELDS:
            if field in self._given:
                if plain == self._given[field]:
                    yield field, 0
            elif plain not in self._given.values() and (rank := _rank(field, plain)) is not None:
                yield field, rank

    def choose(self, names: Iterable[str]) -> dict[str, str]:
        """Of these names the best for each field: field -> name."""
        best: dict[str, tuple[int, str]] = {}
        for name in names:
            for field, rank in self.fields_of(name):
                if field not in best or rank < best[field][0]:
                    best[field] = rank, name
        return {field: name for field, (_, name) in best.items()}

    def nested(self, record: Mapping[str, object]) -> dict[str, object]:
        """The values of fields that --map names by a path: `answer=body.storage.value`."""
        found: dict[str, object] = {}
        for field, path in self._paths.items():
            value: object = record
            for step in path:
                value = value.get(step) if isinstance(value, dict) else None
            if value is not None:
                found[field] = value
        return found

    @property
    def paths(self) -> frozenset[str]:
        """The fields that are named by a path, and the keys these begin with."""
        return frozenset(self._paths) | {path[0] for path in self._paths.values()}

    def choose_columns(self, names: Sequence[str]) -> dict[str, str]:
        """As `choose`; a column whose name only holds the word, such as "Customer's question", counts too."""
        chosen = self.choose(names)
        for field in ("question", "answer"):
            if field not in chosen and field not in self._given:
                sure = {plain for plain, rank in _RANKS[field].items() if rank < 20 and len(plain) > 2}
                free = [name for name in names if name not in chosen.values()]
                holding = [name for name in free if set(plain_name(name).split()) & sure]
                if len(holding) == 1:
                    chosen[field] = holding[0]
        return chosen

    def is_weak(self, name: str) -> bool:
        return plain_name(name) in WEAK and plain_name(name) not in self._given.values()


def quoted_names(names: Iterable[str], most: int = 10) -> str:
    """Names for a message: quoted and cut short, for they may be anything and go to a terminal."""
    all_of_them = list(names)
    shown = [repr(name[:40]) for name in all_of_them[:most]]
    return ", ".join(shown + (["…"] if len(all_of_them) > most else []))
