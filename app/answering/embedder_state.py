"""Whether an index can be searched by meaning, and the notice that says why not."""

from app.domain import Notice
from app.embedders.base import Embedder
from app.errors import EmbedderUnavailable
from app.indexes.manifest import Manifest


async def embedder_trouble(embedder: Embedder, manifest: Manifest) -> Notice | None:
    """Why only words can be compared, and the command that mends it; None where vectors can be, too."""
    if manifest.embedder is None:
        detail = "the index has no vectors, so only words were compared; run `askd index rebuild`"
        return Notice("index_without_vectors", detail, passing=True)
    try:
        info = await embedder.info()
    except EmbedderUnavailable as error:
        return unavailable(error)
    if info.digest != manifest.embedder.digest:
        detail = (
            f"the index was made with another embedder ({manifest.embedder.name}), so only words were "
            "compared; run `askd index rebuild`, or set ASKD_EMBEDDER to that one"
        )
        return Notice("embedder_mismatch", detail, passing=True)
    return None


def unavailable(error: EmbedderUnavailable) -> Notice:
    return Notice("embedder_unavailable", str(error), passing=True)
