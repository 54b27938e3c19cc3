"""The first reading of a file of objects: where in it the records are, and what is said around them."""

from collections import Counter
from dataclasses import dataclass, field

from app.errors import BadFaqFile
from app.ingest.formats.articles import CONTAINERS, LOOKUPS, NEVER
from app.ingest.formats.events import DEEPEST, Events
from app.ingest.names import Names, plain_name
from app.ingest.records import kind

_MOST_NODES = 500_000
_MOST_KEYS = 200
_TITLES = ("title", "name", "heading")


class Node:
    """A place in the file: all objects that are reached by the same keys; `[]` is any item of a list."""

    __slots__ = (
        "children",
        "groups",
        "is_map",
        "key",
        "keys",
        "objects",
        "pairs",
        "parent",
        "records",
        "strong",
        "texts",
    )

    def __init__(self, key: str, parent: "Node | None") -> None:
        self.key = key
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.objects = 0
        self.groups: list[int] = []  # of those, the ones that are none but hold records
        self.records = 0  # objects that have a question and an answer
        self.strong = 0  # of those under names that leave no doubt
        self.pairs = 0  # members that read as question: answer
        self.texts = 0  # members that are text
        self.keys: Counter[str] = Counter()
        self.is_map = False

    def child(self, key: str) -> "Node":
        if (node := self.children.get(key)) is None:
            node = self.children[key] = Node(key, self)
        return node

    @property
    def in_list(self) -> bool:
        return self.key == "[]"

    @property
    def list_key(self) -> str:
        """The key of the list this is an item of, or its own."""
        return self.parent.key if self.in_list and self.parent else self.key

    def above(self) -> "list[Node]":
        found, node = [], self.parent
        while node is not None:
            found.append(node)
            node = node.parent
        return found


@dataclass(slots=True)
class Context:
    """What an object says of the records in it."""

    fields: dict[str, object]
    title: str


@dataclass(slots=True)
class _Frame:
    node: Node
    ordinal: int
    scalars: dict[str, object] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    key: str = ""
    has_records: bool = False
    is_list: bool = False


class Scan:
    def __init__(self, names: Names) -> None:
        self.root = Node("", None)
        self.contexts: dict[int, Context] = {}  # by the object's number in the file
        self.groups: set[int] = set()  # objects that hold records beside others that are records
        self.lookups: dict[str, dict[str, str]] = {}
        self.base: str | None = None
        self.nothing_else_than = ""
        self._names = names
        self._nodes = 1
        self._ordinal = -1

    def read(self, events: Events) -> None:
        stack: list[_Frame] = []
        for name, value in events:
            if name in ("place", "bad"):
                if name == "bad":
                    self.nothing_else_than = self.nothing_else_than or value
                continue
            if name == "map_key":
                stack[-1].key = value
                continue
            if name in ("end_map", "end_array"):
                frame = stack.pop()
                if name == "end_map":
                    self._close(frame, stack)
                elif frame.has_records and stack:
                    stack[-1].has_records = True
                continue
            top = stack[-1] if stack else None
            if name.startswith("start_"):
                if top is not None and top.is_list and name == "start_array" and not self.nothing_else_than:
                    self.nothing_else_than = "record 1: must be an object, not a list"
                if top is not None and not top.is_list:
                    top.kinds[top.key] = "map" if name == "start_map" else "list"
                node = self._inner(top)
                self._ordinal += name == "start_map"
                stack.append(_Frame(node, self._ordinal, is_list=name == "start_array"))
                if len(stack) > DEEPEST:
                    raise BadFaqFile(f"nested more than {DEEPEST} deep")
            elif top is not None and not top.is_list:
                top.kinds[top.key] = "text" if isinstance(value, str) else "other"
                top.scalars[top.key] = (
                    value if not isinstance(value, str) or len(value) < 600 else value[:600]
                )
            elif not self.nothing_else_than:
                place = "record 1" if top is not None and top.node is self.root else "line 1"
                self.nothing_else_than = f"{place}: must be an object, not {kind(value)}"

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
            return 2 if plain_name(question) == "question" and plain_name(answer) == "answer" else 0
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

    # --- what was found ----------------------------------------------------------------------------

    def choose(self) -> set[Node]:
        """The places whose objects are the records."""
        candidates = [node for node in self._all() if self._is_candidate(node)]
        articles = [node for node in candidates if node.list_key not in LOOKUPS]
        candidates = articles or candidates
        known = set(candidates)
        for node in known:
            self.groups |= set(node.groups)
        dropped: set[Node] = set()
        for node in candidates:
            for outer in node.above():
                if outer in known and not outer.groups:
                    through_list = node.in_list and outer.records
                    inner_wins = (
                        node.is_map is False
                        and through_list
                        and (
                            bool(node.strong) > bool(outer.strong)
                            or (node.records > outer.records and not outer.strong)
                        )
                    )
                    dropped.add(outer if inner_wins or outer.is_map else node)
        return known - dropped

    def _is_candidate(self, node: Node) -> bool:
        if node.records and (node.strong or node.records * 2 >= node.objects):
            return True
        if node.pairs and node.pairs * 2 > node.texts and not node.records and not node.in_list:
            node.is_map = True
            return True
        return False

    def _all(self) -> "list[Node]":
        found, todo = [], [self.root]
        while todo:
            node = todo.pop()
            found.append(node)
            todo.extend(node.children.values())
        return found

    def shape(self, chosen: set[Node]) -> str:
        maps = all(node.is_map for node in chosen)
        if maps:
            return "map of question and answer"
        lists = sorted({node.list_key for node in chosen if node.list_key not in ("", "[]")})[:3]
        if any(plain_name(key) == "accepted answer" for node in chosen for key in node.keys):
            return "FAQPage JSON-LD"
        return f"records in {', '.join(lists)}" if lists else "records"

    def section_key(self, node: Node) -> str:
        """The key of a map of lists that names the section: {"Billing": [{…}]}."""
        key = node.list_key
        holder = node.parent.parent if node.in_list and node.parent else node.parent
        if key in CONTAINERS or holder is None or (node.records and not node.in_list):
            return ""
        beside = [inner for inner in holder.children.values() if inner.key not in CONTAINERS]
        spoken = any(character.isupper() or character == " " for character in key)
        return key if spoken or len(beside) > 1 else ""

    def keys_seen(self) -> list[str]:
        most = max(self._all(), key=lambda node: (node.objects * bool(node.keys), len(node.keys)))
        return [key for key, _ in most.keys.most_common(20)]


def _reads_as_question(key: str) -> bool:
    return len(key) > 2 and (
        " " in key.strip() or key.rstrip().endswith(("?", "？", "؟")) or not key.isascii()
    )
