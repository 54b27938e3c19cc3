from pathlib import Path

from tests.cli.shell import Shell


def test_a_new_key_is_printed_once_and_its_name_listed(askd: Shell, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    key = askd("keys", "new", "web", "--file", str(file)).out.strip()
    assert key.startswith("askd_")
    assert len(key) > 40
    assert key not in file.read_text()
    assert askd("keys", "list", "--file", str(file)).out == "web caller\n"


def test_an_owner_has_a_key_with_a_role_and_old_keys_stay_callers(askd: Shell, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"old:{'0' * 64}  # of before there were roles\n")
    askd("keys", "new", "me", "--role", "owner", "--file", str(file))
    assert askd("keys", "list", "--file", str(file)).out == "me owner\nold caller\n"
    assert "owner" in askd("keys", "new", "you", "--role", "boss", "--file", str(file), status=2).err


def test_a_name_that_is_taken_or_no_name_is_a_mistake(askd: Shell, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    askd("keys", "new", "web", "--file", str(file))
    for name in ("web", "a b"):
        assert name in askd("keys", "new", name, "--file", str(file), status=2).err
    assert len(file.read_text().splitlines()) == 1


def test_without_a_file_the_setting_is_named(askd: Shell) -> None:
    assert "ASKD_API_KEYS_FILE" in askd("keys", "new", "web", status=2).err
