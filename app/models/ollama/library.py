"""The models of an Ollama server."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from ollama import AsyncClient, ProgressResponse, ResponseError

from app.errors import DownloadFailed, ModelMissing
from app.models import http
from app.models.library import Download, ListedModel
from app.models.ollama.client import translated

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class OllamaLibrary:
    """A `ModelLibrary`."""

    client: AsyncClient

    async def models(self) -> Sequence[ListedModel]:
        with translated(""):
            listed = (await self.client.list()).models
            loaded = {model.model for model in (await self.client.ps()).models}
        return [ListedModel(each.model or "", each.size, each.model in loaded) for each in listed]

    async def pull(self, name: str) -> AsyncGenerator[Download]:
        sizes: dict[str, Download] = {}  # of the parts, by their digests
        try:
            with http.translated("Ollama", "ASKD_OLLAMA_URL"):
                answer = await self.client.pull(name, insecure=_on_this_machine(name), stream=True)
                # Closing it hangs up, which makes Ollama stop; it keeps what has come.
                async with aclosing(cast("AsyncGenerator[ProgressResponse]", answer)) as steps:
                    async for step in steps:
                        if step.digest and step.total:
                            sizes[step.digest] = Download(step.completed or 0, step.total)
                            yield Download(
                                sum(part.completed for part in sizes.values()),
                                sum(part.total for part in sizes.values()),
                            )
                        if step.status == "success":
                            return
        except ResponseError as error:
            if "file does not exist" in str(error.error):
                raise ModelMissing(f"Ollama's registry has no model {name}: check its name") from error
            raise _failed(name) from error
        raise _failed(name)

    async def remove(self, name: str) -> None:
        with translated(name):
            await self.client.delete(name)


def _failed(name: str) -> DownloadFailed:
    return DownloadFailed(
        f"Ollama could not pull {name}: see that it reaches its registry and has room on its disk; "
        "its log says more"
    )


def _on_this_machine(name: str) -> bool:
    """Such a registry may speak plain http."""
    return urlsplit(f"//{name.partition('/')[0]}").hostname in _LOOPBACK
