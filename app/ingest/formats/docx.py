"""Word documents, by mammoth: headings, lists, tables and links as HTML, then read like any page."""

import re
import zipfile
from typing import BinaryIO

from app.errors import BadFaqFile
from app.ingest.archives import damage_told
from app.ingest.formats.html import page_to_markdown

_MOST_XML = 16 * 2**20  # bytes of the text itself: its tree takes many times that


def docx_to_markdown(file: BinaryIO) -> str:
    """Raises BadFaqFile."""
    _check(file)
    import mammoth  # type: ignore[import-untyped]

    try:
        html = mammoth.convert_to_html(
            file,
            convert_image=mammoth.images.img_element(lambda image: {"src": ""}),
            external_file_access=False,
        ).value
    except RecursionError as error:
        raise BadFaqFile("nested too deeply") from error
    except Exception as error:  # whatever a damaged file makes of the library: there is no common class
        raise BadFaqFile(f"not a Word document that can be read: {type(error).__name__}") from error
    return page_to_markdown(re.sub(r"<img[^>]*/?>", "", html))


def _check(file: BinaryIO) -> None:
    file.seek(0)
    with damage_told(), zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                size = archive.getinfo(name).file_size
                if size > _MOST_XML:
                    raise BadFaqFile(f"{name} has {size:,} bytes; the most is {_MOST_XML:,}")
                with archive.open(name) as part:
                    if b"<!" in part.read(4096).replace(b"<!--", b""):
                        raise BadFaqFile(f"{name} declares a document type: entities are not expanded")
    file.seek(0)
