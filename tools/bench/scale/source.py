"""What synthetic entries are drawn from: word frequencies, lengths and vectors of a real FAQ.

It holds no text but single words and questions, and stays in the folder of the results.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.domain import FaqEntry
from app.embedders.base import Vector
from app.embedders.catalogue import own_recipe
from app.embedders.onnx import OnnxEmbedder
from app.evaluation.questions import Catalogue, read_cases
from app.ingest.survey import survey
from app.ranking.text import words
from app.settings import Settings
from tools.bench.serving.embedder import EMBEDDER, embedder_home

QUESTIONS = 230  # that are asked of an index: the first ones warm it up


@dataclass(frozen=True)
class Source:
    """Row i of `lengths` (words of section, question and answer) and `vectors` is of entry i."""

    words: NDArray[np.str_]
    counts: NDArray[np.int64]  # how often each word occurs
    lengths: NDArray[np.int64]
    vectors: NDArray[np.float32]
    questions: NDArray[np.str_]
    question_vectors: NDArray[np.float32]

    @property
    def dimension(self) -> int:
        return int(self.vectors.shape[1])

    def save(self, path: Path) -> None:
        parts: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        np.savez_compressed(path, **parts)

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path) as parts:
            return cls(**parts)


def read_source(faq: Path, questions: Path) -> Source:
    """Embeds the entries of the FAQ file and some of the questions of an evaluation file."""
    found = survey([faq], collection=None, strict=False)
    entries = list(found.entries())
    cases = read_cases(questions, Catalogue(entries))
    step = max(len(cases) // QUESTIONS, 1)
    asked = [case.text for case in islice(cases, 0, None, step)][:QUESTIONS]
    vectors, question_vectors = asyncio.run(_embedded(entries, asked))
    return make_source(entries, vectors, asked, question_vectors)


def make_source(
    entries: list[FaqEntry], vectors: list[Vector], questions: list[str], question_vectors: list[Vector]
) -> Source:
    texts = [[words(text) for text in (entry.section, entry.question, entry.answer)] for entry in entries]
    counts = Counter(word for parts in texts for part in parts for word in part)
    ordered = counts.most_common()
    return Source(
        words=np.array([word for word, _ in ordered]),
        counts=np.array([count for _, count in ordered]),
        lengths=np.array([[len(part) for part in parts] for parts in texts]),
        vectors=np.array(vectors, dtype=np.float32),
        questions=np.array(questions),
        question_vectors=np.array(question_vectors, dtype=np.float32),
    )


async def _embedded(entries: list[FaqEntry], questions: list[str]) -> tuple[list[Vector], list[Vector]]:
    home = embedder_home()
    recipe = own_recipe(Settings(_env_file=None))
    embedder = OnnxEmbedder(EMBEDDER, home / "models", recipe, home / "embeddings")
    try:
        of_questions = [await embedder.embed_question(question) for question in questions]
        return list(embedder.embed_entries(entries)), of_questions
    finally:
        embedder.close()
