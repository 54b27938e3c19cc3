"""The model hub: what it says of a repository, and single files of it, each at a commit and by its digest."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import httpx

from app.downloads.pinned_files import PinnedFile, ensure_files
from app.errors import DownloadFailed, ModelMissing

SECONDS = 10.0
_HOSTS = ("hf.co/", "huggingface.co/")
_PIECE = 2**20  # bytes
_FILE = re.compile(
    r"(?P<repository>[\w-][\w.-]*/[\w-][\w.-]*)/(?P<path>[\w./-]+\.gguf)(?:@(?P<commit>[0-9a-f]{40}))?"
)


@dataclass(frozen=True, slots=True)
class Repository:
    """What the hub says of one, at a commit."""

    name: str
    commit: str
    endpoint: str
    sizes: Mapping[str, int]  # of its files, in bytes
    digests: Mapping[str, str]  # sha256 of its large files
    licence: str | None = None
    gated: str | None = None  # "auto": the terms are accepted with a click, "manual": a person lets one in
    parameters: int | None = None

    @property
    def page(self) -> str:
        return f"{self.endpoint}/{self.name}"

    def url(self, file: str) -> str:
        return f"{self.page}/resolve/{self.commit}/{file}"

    def refuse_gated(self, client: httpx.Client, file: str) -> None:
        """Raises ModelMissing where this token may not have the file; asks for no byte of it."""
        if self.gated and client.head(self.url(file)).status_code in (401, 403):
            raise ModelMissing(gate(self.name, self.page))


@dataclass(frozen=True, slots=True)
class HubFile(PinnedFile):
    """One file. `file` is its name without folders."""

    repository: str
    commit: str
    path: str  # in the repository
    licence: str | None
    page: str


def without_host(name: str) -> str:
    """A repository or file, also where its host stands before it, as people copy it."""
    return next((name.removeprefix(host) for host in _HOSTS if name.startswith(host)), name)


def is_file(name: str) -> bool:
    """Whether this names a file of the hub: OWNER/REPOSITORY/FILE.gguf[@COMMIT]."""
    return bool(_FILE.fullmatch(name))


def find_file(name: str, endpoint: str, token: str | None) -> HubFile:
    """What the hub says of a file; nothing of it is downloaded. Raises ModelMissing or DownloadFailed."""
    named = _FILE.fullmatch(name)
    if named is None:
        raise ModelMissing(f"{name} is no file of the model hub: OWNER/REPOSITORY/FILE.gguf[@COMMIT]")
    path = named["path"]
    with open_hub(token) as client, explained(name, "the model hub"):
        found = repository_info(client, endpoint, named["repository"], named["commit"])
        if path not in found.sizes:
            others = ", ".join([file for file in found.sizes if file.endswith(".gguf")][:10])
            raise ModelMissing(f"{found.name} has no file {path}; it has {others or 'no GGUF file'}")
        found.refuse_gated(client, path)
        if path not in found.digests:
            raise DownloadFailed(f"the model hub tells no digest of {name}: it cannot be checked")
        return HubFile(
            file=PurePosixPath(path).name,
            sha256=found.digests[path],
            size=found.sizes[path],
            repository=found.name,
            commit=found.commit,
            path=path,
            licence=found.licence,
            page=found.page,
        )


def pull_file(file: HubFile, directory: Path, token: str | None, progress: Callable[[int], None]) -> Path:
    """Download a file, unless it is there already; what it is, and under which licence, lies beside it.

    A download that was interrupted goes on the next time (the hub's own client begins anew). `progress` gets
    the bytes since its last call. Raises DownloadFailed.
    """
    folder = directory / file.repository.replace("/", "--")
    ensure_files([file], folder, lambda into: _fetch(file, into / file.file, token, progress), resume=True)
    path = folder / file.file
    path.with_suffix(".json").write_text(json.dumps(asdict(file), indent=2) + "\n", "utf-8")
    return path


def _fetch(file: HubFile, path: Path, token: str | None, progress: Callable[[int], None]) -> None:
    with path.open("ab") as partial, open_hub(token) as client, explained(file.file, "the model hub"):
        there = partial.tell()
        progress(there)
        if there >= file.size:
            return  # its digest decides
        headers = {"Range": f"bytes={there}-"} if there else {}
        with client.stream("GET", f"{file.page}/resolve/{file.commit}/{file.path}", headers=headers) as sent:
            sent.raise_for_status()
            if there and sent.status_code != 206:  # the whole file, from its start
                partial.truncate(0)
                progress(-there)
            for piece in sent.iter_bytes(_PIECE):
                partial.write(piece)
                progress(len(piece))


def repository_info(
    client: httpx.Client, endpoint: str, repository: str, commit: str | None = None
) -> Repository:
    at = f"/revision/{commit}" if commit else ""
    info = json_of(
        client.get(f"{endpoint}/api/models/{repository}{at}", params={"blobs": "true"}), repository
    )
    files = info.get("siblings") or ()
    return Repository(
        name=repository,
        commit=commit or info.get("sha") or "main",
        endpoint=endpoint,
        sizes={file["rfilename"]: int(file.get("size") or 0) for file in files},
        digests={file["rfilename"]: file["lfs"]["sha256"] for file in files if file.get("lfs")},
        licence=(info.get("cardData") or {}).get("license"),
        gated=info.get("gated") or None,
        parameters=(info.get("safetensors") or {}).get("total") or (info.get("gguf") or {}).get("total"),
    )


def gate(repository: str, page: str) -> str:
    return (
        f"{repository} is gated: open {page}, accept its terms, and put an access token into the file that "
        "HF_TOKEN_PATH names"
    )


def open_hub(token: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    # The hub sends files from another host: httpx takes no key there.
    return httpx.Client(timeout=SECONDS, headers=headers, follow_redirects=True)


def json_of(response: httpx.Response, name: str) -> dict[str, Any]:
    if response.status_code in (401, 404):
        raise ModelMissing(f"there is no model {name}, or it is private: check its name")
    if response.status_code == 403:
        raise ModelMissing(gate(name, str(response.url.copy_with(path=f"/{name}", query=None))))
    response.raise_for_status()
    body: dict[str, Any] = json.loads(response.content)
    return body


@contextmanager
def explained(name: str, source: str) -> Iterator[None]:
    """What goes wrong between here and a hub or registry, as DownloadFailed."""
    try:
        yield
    except httpx.TransportError as error:
        raise DownloadFailed(f"{source} cannot be reached: is there a network?") from error
    except httpx.HTTPError as error:
        raise DownloadFailed(f"{source} did not answer as it should; try again later") from error
    except httpx.InvalidURL as error:
        raise DownloadFailed(f"the address of {source} is invalid; HF_ENDPOINT is the model hub's") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # JSON of another form
        raise DownloadFailed(f"{source} does not tell how large {name} is") from error
