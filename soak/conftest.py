"""The servers and the event loop of the tests proper."""

from tests.conftest import anyio_backend
from tests.servers import elasticsearch_url, gguf, ollama_url

__all__ = ["anyio_backend", "elasticsearch_url", "gguf", "ollama_url"]
