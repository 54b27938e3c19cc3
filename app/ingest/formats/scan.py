"""The first reading of a file of objects: where in it the records are, and what is said around them."""

from dataclasses import dataclass, field

from app.errors import BadFaqFile
from app.ingest.column_aliases import MANY_ANSWERS, MANY_QUESTIONS, Names, plain_name
from app.ingest.formats.articles import LOOKUPS, NEVER
from app.ingest.formats.events import DEEPEST, Events
from app.ingest.formats.object_tree import Context, Node, cell_text
from app.ingest.records import kind

_MOST_NODES = 500_000
_MOST_KEYS = 200
_LONGEST_KEPT = 600  # characters of a scalar
_MOST_ROWS = 20  # of a table, to find its header by
_MOST_CELLS = 200
_CATEGORIES = ("category_id", "collection_id", "parent_id")
_TITLES = ("title", "name", "heading")


@dataclass(slots=True)
class _Frame:
    node: Node
    ordinal: int
    scalars: dict[str, object] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    key: str = ""
    has_records: bool = False
    is_list: bool = False
    cells: list[str] | None = None  # of a list, while it holds nothing but scalars


class Scan:
    def __init__(self, names: Names) -> None:
        self.root = Node("", None)
        self.contexts: dict[int, Context] = {}  # by the object's number in the file
        self.lookups: dict[str, dict[str, str]] = {}
        self.categories: dict[str, str] = {}  # of the sections in the lookups, by their ids
        self.base: str | None = None
        self.nothing_else_than = ""
        self._names = names
        self._nodes = 1
        self._ordinal = -1

    def read(self, events: Events) -> None:
        stack: list[_Frame] = []
        for name, value in events:
            match name:
                case "place":
                    pass
                case "bad":
                    self.nothing_else_than = self.nothing_else_than or value
                case "map_key":
                    stack[-1].key = value
                case "end_map":
                    self._close(stack.pop(), stack)
                case "end_array":
                    self._close_list(stack.pop(), stack)
                case "start_map" | "start_array":
                    self._open(name, stack)
                case _:
                    self._scalar(value, stack[-1] if stack else None)

    def _open(self, name: str, stack: list[_Frame]) -> None:
        top = stack[-1] if stack else None
        if top is not None and not top.is_list:
            top.kinds[top.key] = "map" if name == "start_map" else "list"
        elif top is not None:
            top.cells = None
            if name == "start_array" and not self.nothing_else_than:
                self.nothing_else_than = "record 1: must be an object, not a list"
        node = self._inner(top)
        self._ordinal += name == "start_map"
        stack.append(_Frame(node, self._ordinal, is_list=name == "start_array", cells=[]))
        if len(stack) > DEEPEST:
            raise BadFaqFile(f"nested more than {DEEPEST} deep")

    def _scalar(self, value: object, top: _Frame | None) -> None:
        short = value[:_LONGEST_KEPT] if isinstance(value, str) else value
        if top is not None and not top.is_list:
            top.kinds[top.key] = "text" if isinstance(value, str) else "other"
            top.scalars[top.key] = short
            return
        if top is not None and top.cells is not None and len(top.cells) < _MOST_CELLS:
            top.cells.append(cell_text(short))
        if not self.nothing_else_than:
            place = "record 1" if top is not None and top.node is self.root else "line 1"
            self.nothing_else_than = f"{place}: must be an object, not {kind(value)}"

    def _close_list(self, frame: _Frame, stack: list[_Frame]) -> None:
        outer = stack[-1] if stack else None
        if outer is None:
            return
        if frame.cells and outer.is_list and len(outer.node.rows) < _MOST_ROWS:
            outer.node.rows.append(frame.cells)
        outer.has_records |= frame.has_records

    def _inner(self, top: _Frame | None) -> Node:
        if top is None:
            return self.root
        key = "[]" if top.is_list else top.key
        if key not in top.node.children:
            self._nodes += 1
            if self._nodes > _MOST_NODES:
                raise BadFaqFile(f"more than {_MOST_NODES:,} different keys")
        return top.node.child(key)

    def _close(self, frame: _Frame, stack: list[_Frame]) -> None:
        node, kinds = frame.node, frame.kinds
        node.objects += 1
        node.members += len(kinds)
        if len(node.keys) < _MOST_KEYS:
            node.keys.update(kinds.keys())
        strength = self._strength(kinds, node)
        if strength:
            node.records += 1
            node.strong += strength > 1
        else:
            texts = [key for key, what in kinds.items() if what == "text"]
            node.texts += len(texts)
            node.pairs += sum(_reads_as_question(key) and not self._names.fields_of(key) for key in texts)
        if frame.has_records and not strength and node.in_list:
            node.groups.append(frame.ordinal)
        if frame.has_records and (context := self._context(frame)):
            self.contexts[frame.ordinal] = context
        if node.list_key in LOOKUPS and (id_ := frame.scalars.get("id")) is not None:
            named = frame.scalars.get("name") or frame.scalars.get("title")
            if isinstance(named, str) and len(self.lookups) < 10_000:
                self.lookups.setdefault(LOOKUPS[node.list_key], {})[str(id_)] = named
                category = next((frame.scalars[key] for key in _CATEGORIES if frame.scalars.get(key)), None)
                if category is not None and LOOKUPS[node.list_key] == "section":
                    self.categories[str(id_)] = str(category)
        if node.key == "_links" and isinstance(base := frame.scalars.get("base"), str):
            self.base = base
        if stack and (strength or frame.has_records or node.pairs):
            stack[-1].has_records = True

    def _strength(self, kinds: dict[str, str], node: Node) -> int:
        """0: no record, 1: it may be one, 2: it is one."""
        if node.list_key in NEVER:
            return 0
        chosen = self._names.choose(kinds)
        for named in self._names.paths & {"question", "answer"}:
            chosen[named] = next((key for key in kinds if key in self._names.paths), "")
        question, answer = chosen.get("question"), chosen.get("answer")
        if not question or not answer:
            return 0
        if question == answer and not self._names.paths:
            return 0
        if kinds[question] == "list" or (kinds[answer] == "list" and plain_name(answer) != "accepted answer"):
            sure = plain_name(question) in {"question", *MANY_QUESTIONS}
            return 2 if sure and plain_name(answer) in {"answer", *MANY_ANSWERS} else 0
        weak = self._names.is_weak(question) + self._names.is_weak(answer)
        if weak == 2 or (weak and not node.in_list and plain_name(answer) != "accepted answer"):
            return 0
        sure = plain_name(question) in ("question", "q") or plain_name(answer) in (
            "answer",
            "accepted answer",
            "a",
        )
        return 2 if (sure and not weak) or plain_name(answer) == "accepted answer" else 1

    def _context(self, frame: _Frame) -> Context | None:
        scalars = {
            key: value for key, value in frame.scalars.items() if isinstance(value, str) and value.strip()
        }
        chosen = self._names.choose(scalars)
        fields: dict[str, object] = {
            name: scalars[chosen[name]] for name in ("collection", "section") if name in chosen
        }
        title = next((str(scalars[key]) for key in _TITLES if key in scalars), "")
        if frame.node is self.root:
            if title and "@context" not in scalars and "collection" not in fields:
                fields["collection"] = title
            title = ""
        return Context(fields, title) if fields or title else None


def _reads_as_question(key: str) -> bool:
    return len(key) > 2 and (
        " " in key.strip() or key.rstrip().endswith(("?", "？", "؟")) or not key.isascii()
    )
