"""Where FAQ files come from: files, folders, globs, archives and standard input."""

import glob
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from stat import S_ISDIR
from typing import BinaryIO

from app.errors import BadFaqFile
from app.ingest.archives import MOST_UNPACKED, members, open_gzip, open_member
from app.ingest.formats.front_matter import split
from app.ingest.formats.yaml_events import yaml_value
from app.ingest.reading import FORMATS, SUFFIXES
from app.ingest.report import Notes
from app.ingest.source import Source, without_notion_id

_METADATA = ("_metadata.yaml", "_metadata.yml")
_AS_MARKDOWN = "convert it to Markdown, for example with pandoc -t gfm"
CURES = {
    **dict.fromkeys((".xls", ".xlsb", ".ods", ".numbers"), "save it as .xlsx or .csv"),
    **dict.fromkeys((".doc", ".odt", ".rtf", ".pages"), "save it as .docx"),
    **dict.fromkeys((".rst", ".adoc", ".asciidoc", ".org", ".textile", ".wiki", ".tex"), _AS_MARKDOWN),
    ".pdf": "use the document it was made from, or save its text as .docx or .md",
    ".xml": "export it as JSON or CSV",
}
_NOT_ENTERED = frozenset({"node_modules", "__pycache__", "venv", "site-packages", "dist", "build", "target"})


def sources_of(
    paths: Sequence[Path], given_format: str | None, skipped: Callable[[str], None]
) -> list[Source]:
    """All files; `skipped` is called with what links and the like are skipped. Raises BadFaqFile."""
    found: list[Source] = []
    for path in paths:
        try:
            if str(path) == "-":
                found.append(_standard_input(given_format))
            else:
                for one in _globbed(path):
                    found += _of_path(one, given_format, skipped)
        except OSError as error:
            raise BadFaqFile(f"{error.filename or path}: {error.strerror}") from error
    return found


def _globbed(path: Path) -> Sequence[Path]:
    if any(character in str(path) for character in "*?[") and not os.path.lexists(path):
        if found := sorted(glob.glob(str(path), recursive=True)):
            return [Path(one) for one in found]
        raise BadFaqFile(f"{path}: no file matches")
    return [path]


def _of_path(path: Path, given: str | None, skipped: Callable[[str], None]) -> Sequence[Source]:
    if S_ISDIR(path.stat().st_mode):  # unlike is_dir(), says why a path cannot be read
        return _folder(path, skipped)
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes[-1:] == [".zip"]:
        return _zip(path, skipped)
    if suffixes[-1:] == [".gz"]:
        kind = given or SUFFIXES.get(suffixes[0] if len(suffixes) > 1 else "")
        if kind is None or FORMATS[kind].is_office:
            raise BadFaqFile(f"{path}: which format? name it like faq.json.gz, or give --format")
        return [Source(str(path), kind, lambda: open_gzip(path.open("rb")))]
    kind = given or SUFFIXES.get(suffixes[-1] if suffixes else "")
    if kind is None:
        cure = CURES.get(suffixes[-1] if suffixes else "", "")
        raise BadFaqFile(
            f"{path}: not a FAQ file{cure and f': {cure}'}; askd reads {', '.join(SUFFIXES)}, .gz, .zip "
            "and folders of them"
        )
    return [Source(str(path), kind, lambda: path.open("rb"))]


def _standard_input(given: str | None) -> Source:
    if given is None:
        raise BadFaqFile(f"-: which format? give --format, one of {', '.join(FORMATS)}")
    # It is read more than once.
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the ingest
    size = 0
    while piece := sys.stdin.buffer.read(2**20):
        size += len(piece)
        if size > MOST_UNPACKED:
            raise BadFaqFile(f"-: more than {MOST_UNPACKED:,} bytes")
        kept.write(piece)

    def opened() -> BinaryIO:
        copy = os.fdopen(os.dup(kept.fileno()), "rb")
        copy.seek(0)
        return copy

    kept.flush()
    return Source("-", given, opened)


def _folder(root: Path, skipped: Callable[[str], None]) -> Sequence[Source]:
    files: dict[PurePosixPath, Path] = {}
    links = 0
    others: Counter[str] = Counter()
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _NOT_ENTERED)
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_symlink():
                links += 1
            elif path.is_file() and not name.startswith("."):
                if path.suffix.lower() in SUFFIXES or name in _METADATA:
                    files[PurePosixPath(path.relative_to(root).as_posix())] = path
                else:
                    others[path.suffix.lower() or "no suffix"] += 1
    if links:
        skipped(f"{root}: {links} symbolic links are skipped: no file outside the folder is read")
    _tell_others(str(root), others, skipped)

    def opener(path: Path) -> Callable[[], BinaryIO]:
        return lambda: path.open("rb")

    openers = {inside: opener(path) for inside, path in sorted(files.items(), key=lambda item: item[1])}
    return _together(str(root), openers, root.resolve().name)


def _tell_others(name: str, others: Counter[str], skipped: Callable[[str], None]) -> None:
    if others:
        most = ", ".join(f"{suffix} {count}" for suffix, count in others.most_common(5))
        skipped(f"{name}: {others.total()} files of other formats are skipped ({most})")


def _zip(path: Path, skipped: Callable[[str], None]) -> Sequence[Source]:
    with path.open("rb") as file:
        try:
            names = sorted(members(file))
        except BadFaqFile as error:
            raise BadFaqFile(f"{path}: {error}") from error

    def opener(name: str) -> Callable[[], BinaryIO]:
        return lambda: open_member(path.open("rb"), name)

    wanted: dict[PurePosixPath, Callable[[], BinaryIO]] = {}
    others: Counter[str] = Counter()
    for name in names:
        inside = PurePosixPath(name)
        if any(part.startswith((".", "__MACOSX")) or part in _NOT_ENTERED for part in inside.parts):
            continue
        if inside.suffix.lower() in SUFFIXES or inside.name in _METADATA:
            wanted[inside] = opener(name)
        else:
            others[inside.suffix.lower() or "no suffix"] += 1
    _tell_others(str(path), others, skipped)
    return _together(str(path), wanted, path.stem)


def _together(
    name: str, openers: Mapping[PurePosixPath, Callable[[], BinaryIO]], root: str
) -> Sequence[Source]:
    """The files of a folder or an archive, each with what its folders say."""
    metadata = {inside.parent: _metadata(openers[inside]) for inside in openers if inside.name in _METADATA}
    files = {inside: opener for inside, opener in openers.items() if inside.name not in _METADATA}
    entries = _mostly_entries(files)
    found = []
    for inside, opener in files.items():
        collection, section = _of_folders(inside, metadata, root)
        kind = SUFFIXES[inside.suffix.lower()]
        found.append(Source(f"{name}/{inside}", kind, opener, inside, collection, section, entries))
    return found


def _of_folders(
    inside: PurePosixPath, metadata: Mapping[PurePosixPath, tuple[str, Mapping[str, str]]], root: str
) -> tuple[str, str]:
    """(collection, section): of the nearest _metadata.yaml, else the last two folders."""
    for folder in inside.parents:
        if folder in metadata:
            collection, sections = metadata[folder]
            below = inside.relative_to(folder).parts[:-1]
            section = sections.get(below[0], below[0]) if below else ""
            return collection or folder.name or root, section
    parts = [without_notion_id(part) for part in inside.parts[:-1]]
    if len(parts) >= 2:
        return parts[-2], parts[-1]
    return root, parts[0] if parts else ""


def _metadata(opener: Callable[[], BinaryIO]) -> tuple[str, Mapping[str, str]]:
    try:
        with opener() as file:
            found = yaml_value(file.read(2**20).decode("utf-8-sig", "replace"))
    except BadFaqFile:
        return "", {}
    if not isinstance(found, dict):
        return "", {}
    named = next((found[key] for key in ("collection", "course", "title", "name") if found.get(key)), "")
    sections: dict[str, str] = {}
    listed = found.get("sections")
    if isinstance(listed, list):
        for section in listed:
            if isinstance(section, dict) and section.get("id"):
                sections[str(section["id"])] = str(
                    section.get("name") or section.get("title") or section["id"]
                )
    elif isinstance(listed, dict):
        sections = {str(key): str(value) for key, value in listed.items() if isinstance(value, str)}
    return str(named), sections


def _mostly_entries(files: Mapping[PurePosixPath, Callable[[], BinaryIO]]) -> str:
    """`question` or `title` where the front matter of most documents names one."""
    documents = entries = titles = 0
    for inside, opener in files.items():
        if SUFFIXES[inside.suffix.lower()] not in ("markdown", "mdx"):
            continue
        documents += 1
        try:
            with opener() as file:
                head = file.read(4096)
        except BadFaqFile:
            continue  # told when it is read
        if head.lstrip(b"\xef\xbb\xbf")[:3] in (b"---", b"+++"):
            front = split(head.decode("utf-8", "replace"), Notes())[0]
            entries += bool(front.fields.get("question"))
            titles += bool(front.title)
    if documents and entries * 2 >= documents:
        return "question"
    return "title" if titles > 2 and titles * 3 >= documents * 2 else ""
