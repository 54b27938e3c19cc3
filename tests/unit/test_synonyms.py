from pathlib import Path

import pytest

from app.errors import BadSettings
from app.ranking.synonyms import read_synonyms, search_text, wordings

GROUPS = [["k8s", "kubernetes"], ["vm", "virtual machine"]]


def test_reads_groups_and_leaves_out_comments(tmp_path: Path) -> None:
    path = tmp_path / "synonyms.txt"
    path.write_text("# ours\nK8s, Kubernetes\n\nVM, virtual machine # the cloud's\n", encoding="utf-8-sig")
    assert read_synonyms(path) == GROUPS


def test_a_group_of_one_is_an_error_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "synonyms.txt"
    path.write_text("a, b\nalone\n")
    with pytest.raises(BadSettings, match=r"synonyms\.txt, line 2"):
        read_synonyms(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"none\.txt"):
        read_synonyms(tmp_path / "none.txt")


def test_each_synonym_gives_another_wording() -> None:
    assert wordings("How do I start K8S on a virtual machine?", GROUPS) == [
        "How do I start K8S on a virtual machine?",
        "how do i start kubernetes on a virtual machine",
        "how do i start k8s on a vm",
        "how do i start kubernetes on a vm",
    ]


def test_a_word_that_is_said_twice_is_replaced_twice() -> None:
    assert wordings("k8s k8s", GROUPS) == ["k8s k8s", "kubernetes kubernetes"]


def test_a_synonym_is_not_replaced_again_and_no_wording_comes_twice() -> None:
    groups = [["a", "b c"], ["c", "d"], ["b c", "a"]]
    assert wordings("a c", groups) == ["a c", "b c c", "a d", "b c d"]


def test_every_single_synonym_comes_before_two_at_once_and_wordings_are_bounded() -> None:
    groups = [[f"{letter}{number}" for number in range(4)] for letter in "abcdefgh"]
    found = wordings("a0 b0 c0 d0", groups)
    assert found[:13] == ["a0 b0 c0 d0", *dict.fromkeys(found[1:13])]
    assert all(sum(word.endswith("0") for word in wording.split()) == 3 for wording in found[1:13])
    assert len(found) == 17


def test_a_word_within_another_is_no_synonym() -> None:
    assert wordings("avm k8ss", GROUPS) == ["avm k8ss"]


def test_the_search_text_adds_only_what_is_new() -> None:
    asked = wordings("start k8s in a vm", GROUPS)
    assert search_text(asked) == "start k8s in a vm kubernetes virtual machine"
