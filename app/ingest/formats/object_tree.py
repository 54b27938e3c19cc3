"""A file of objects as a tree of places: what a first reading learns of it, and where its records are."""

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import NamedTuple

from app.ingest.column_aliases import Names, plain_name
from app.ingest.formats.articles import CONTAINERS, LOOKUPS
from app.ingest.formats.tables import Header, find_header


def cell_text(value: object) -> str:
    """A scalar as a cell of a table."""
    return "" if value is None else str(value)


class Node:
    """A place in the file: all objects that are reached by the same keys; `[]` is any item of a list."""

    __slots__ = (
        "children",
        "groups",
        "is_map",
        "key",
        "keys",
        "members",
        "objects",
        "pairs",
        "parent",
        "records",
        "rows",
        "strong",
        "texts",
    )

    def __init__(self, key: str, parent: "Node | None") -> None:
        self.key = key
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.objects = 0
        self.members = 0  # of all of them together
        self.groups: list[int] = []  # of those, the ones that are none but hold records
        self.records = 0  # objects that have a question and an answer
        self.strong = 0  # of those under names that leave no doubt
        self.pairs = 0  # members that read as question: answer
        self.texts = 0  # members that are text
        self.rows: list[list[str]] = []  # the first of its items that are lists of cells: a table
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

    def all(self) -> "Iterator[Node]":
        """This place, and all below it."""
        todo = [self]
        while todo:
            node = todo.pop()
            yield node
            todo.extend(node.children.values())

    def around(self) -> "list[Node]":
        """The places whose objects hold those of this one. A list is not inside the object that stands in
        its place elsewhere: `{"mainEntity": {…}}` beside `{"mainEntity": […]}`."""
        found, node = [], self
        while node.parent is not None:
            if not node.in_list:
                found.append(node.parent)
            node = node.parent
        return found


@dataclass(slots=True)
class Context:
    """What an object says of the records in it."""

    fields: dict[str, object]
    title: str


class Layout(NamedTuple):
    """Where the records of a file are."""

    records: Set[Node]  # places whose objects are records, or maps of question and answer
    groups: Set[int]  # objects at these places, by their number in the file, that hold records instead
    tables: Mapping[Node, Header]  # lists whose items are rows: [["question", "answer"], ["How?", "So."]]

    @property
    def shape(self) -> str:
        if self.tables:
            return "table, a list a row"
        if all(node.is_map for node in self.records):
            return "map of question and answer"
        if any(plain_name(key) == "accepted answer" for node in self.records for key in node.keys):
            return "FAQPage JSON-LD"
        lists = sorted({node.list_key for node in self.records if node.list_key not in ("", "[]")})[:3]
        return f"records in {', '.join(lists)}" if lists else "records"


def layout_of(root: Node, names: Names) -> Layout:
    candidates = [node for node in root.all() if _is_candidate(node)]
    candidates = [node for node in candidates if node.list_key not in LOOKUPS] or candidates
    known = set(candidates)
    dropped = {
        outer if _inner_wins(node, outer) else node
        for node in candidates
        for outer in node.around()
        if outer in known and not outer.groups
    }
    tables = {}
    if not known:
        headers = ((node, find_header(node.rows, names)) for node in root.all() if len(node.rows) > 1)
        tables = {node: header for node, header in headers if header}
    return Layout(known - dropped, {group for node in known for group in node.groups}, tables)


def _is_candidate(node: Node) -> bool:
    """Marks a map of question and answer, or a list of such maps, each of one pair, as what it is."""
    if node.records and (node.strong or node.records * 2 >= node.objects):
        return True
    may_be_map = not node.in_list or node.objects == node.members
    if node.pairs and node.pairs * 2 > node.texts and not node.records and may_be_map:
        node.is_map = True
        return True
    return False


def _inner_wins(inner: Node, outer: Node) -> bool:
    """Which of two places holds the records, where one is inside the other."""
    if outer.is_map:
        return True
    if inner.is_map or not inner.in_list or not outer.records:
        return False
    return bool(inner.strong) > bool(outer.strong) or (inner.records > outer.records and not outer.strong)


def section_key(node: Node) -> str:
    """The key of a map of lists that names the section: {"Billing": [{…}]}."""
    key = node.list_key
    holder = node.parent.parent if node.in_list and node.parent else node.parent
    if key in CONTAINERS or holder is None or (node.records and not node.in_list):
        return ""
    beside = [inner for inner in holder.children.values() if inner.key not in CONTAINERS]
    spoken = any(character.isupper() or character == " " for character in key)
    return key if spoken or len(beside) > 1 else ""


def keys_seen(root: Node) -> list[str]:
    """For a message, where no records were found."""
    most = max(root.all(), key=lambda node: (node.objects * bool(node.keys), len(node.keys)))
    return [key for key, _ in most.keys.most_common(20)]
