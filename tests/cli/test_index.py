from tests.cli.shell import Shell


def test_versions_are_listed_and_one_can_go_back(filled: Shell) -> None:
    (first,) = filled("index", "list", "--json").json
    made = filled("index", "rebuild", "--json").json

    newest, previous = filled("index", "list", "--json").json
    assert (newest["version"], newest["current"]) == (made["version"], True)
    assert previous == {**first, "current": False}
    assert newest["collections"] == {"course": 3, "tools": 1}
    assert newest["entries"] == made["entries"] == 4
    assert newest["size_bytes"] > 0

    assert filled("index", "rollback").out == f"serving version {first['version']}: 4 entries\n"
    listed = filled("index", "list").out.splitlines()
    upper, lower = [line for line in listed if "english" in line]
    assert upper.split()[0] == made["version"]
    assert lower.split()[:2] == ["*", first["version"]]
    assert filled("index", "rollback", "--json").json == {"version": made["version"], "entries": 4}


def test_without_a_previous_version_there_is_no_way_back(ingested: Shell) -> None:
    ended = ingested("index", "rollback", status=1)
    assert ended.err == "askd: there is no previous version to go back to\n"


def test_without_an_index_each_command_says_how_to_get_one(askd: Shell) -> None:
    assert "run `askd ingest FILE`" in askd("index", "list").out
    for command in (["index", "rebuild"], ["search", "x"]):
        assert "run `askd ingest FILE`" in askd(*command, status=1).err
    assert not askd.data.exists()
