"""`python -m app.downloads.hub REPOSITORY REVISION FOLDER FILE…` downloads files from the model hub.

A process of its own: it can be stopped, and what its client does to logging stays there.
"""

import os
import sys

_SECONDS = 5.0  # to reach the hub


def main(repository: str, revision: str, folder: str, *files: str) -> None:
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"  # read on import
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["HF_HUB_DISABLE_XET"] = "1"  # it would leave a cache behind
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url

    try:
        # A HEAD request first, which is not retried: without a network a download would retry for 30 s.
        get_hf_file_metadata(hf_hub_url(repository, files[0], revision=revision), timeout=_SECONDS)
        for file in files:
            hf_hub_download(repository, file, revision=revision, local_dir=folder, etag_timeout=_SECONDS)
    except Exception as error:  # there is another source, whatever the hub's client raises
        raise SystemExit(f"the model hub: {error}") from None


if __name__ == "__main__":
    main(*sys.argv[1:])
