import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.study import ROOT

from stages.runtime import files


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    with files.whole_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_failed_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), files.whole_file(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_replaces_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for name in ("first", "second"):
        with files.whole_folder(path) as temporary:
            (temporary / name).write_text(name)
    assert [file.name for file in path.iterdir()] == ["second"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_failed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), files.whole_folder(tmp_path / "folder") as temporary:
        (temporary / "half").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_json_is_read_as_it_was_written(tmp_path: Path) -> None:
    values = {"accuracy": 0.1 + 0.2, "b": [1, None], "ü": "<b>", "a": True}
    files.write_json(tmp_path / "deep" / "m.json", values)
    text = (tmp_path / "deep" / "m.json").read_text()
    assert list(json.loads(text).items()) == list(values.items())  # in the same order, to the last bit
    assert text.endswith("}\n")


def test_csv_is_read_as_it_was_written(tmp_path: Path) -> None:
    lines = [["a,b", 0.5], ['"ü"', None], ["two\nlines", True]]
    files.write_csv(tmp_path / "deep" / "t.csv", ["name", "value"], iter(lines))
    with (tmp_path / "deep" / "t.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            ["name", "value"], ["a,b", "0.5"], ['"ü"', ""], ["two\nlines", "True"],
        ]  # fmt: skip
    assert b"\r" not in (tmp_path / "deep" / "t.csv").read_bytes()


def test_a_table_that_failed_leaves_the_old_one(tmp_path: Path) -> None:
    def lines() -> Iterator[list[int]]:
        yield [1]
        raise RuntimeError

    path = tmp_path / "t"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        files.write_csv(path, ["a"], lines())
    with pytest.raises(TypeError):
        files.write_json(path, {"a": 1, "b": object()})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_temporary_files_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from stages.runtime import files\n"
        "with files.whole_file(Path('a.h5')) as path: path.touch(); os.kill(os.getpid(), 9)"
    )
    variables = {"PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=variables, check=False)
    (tmp_path / ".a.h5.txt").touch()  # not ours
    assert len(list(tmp_path.iterdir())) == 2
    with files.whole_file(tmp_path / "a.h5") as path, files.whole_file(tmp_path / "a.h5") as other:
        assert path != other  # one that lives is not
        path.write_text("whole")
        other.write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a.h5", ".a.h5.txt"}


def test_readers_return_what_was_written(tmp_path: Path) -> None:
    files.write_csv(tmp_path / "t.csv", ["name", "value"], [["ü,b", 1], ["two\nlines", None]])
    assert files.read_csv(tmp_path / "t.csv") == [
        {"name": "ü,b", "value": "1"}, {"name": "two\nlines", "value": ""},
    ]  # fmt: skip
    files.write_json(tmp_path / "m.json", {"a": [1, None]})
    assert files.read_json(tmp_path / "m.json") == {"a": [1, None]}
    files.write_text(tmp_path / "deep" / "t.md", "ü\n")
    assert (tmp_path / "deep" / "t.md").read_bytes() == "ü\n".encode()


def test_a_missing_json_file_is_an_empty_mapping(tmp_path: Path) -> None:
    assert files.read_json(tmp_path / "m.json") == {}
