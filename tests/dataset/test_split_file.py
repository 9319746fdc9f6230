from pathlib import Path

import pytest

from stages.dataset import split_file
from stages.runtime.errors import StageError

KEYS = [("coast", "1.png"), ("coast", "test/2.png"), ("forest", "ä, b.png")]
LINES = ["file,official,one,two", "coast/1.png,train,test,", "coast/test/2.png,test,,train"]
LAST = '"forest/ä, b.png",train,train,train'


def write(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    path = folder / "own.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_each_column_is_a_split(encoding: str, tmp_path: Path) -> None:
    """The lines come in any order; an empty line is none."""
    path = write(tmp_path, LINES[0], LAST, "", *LINES[1:], encoding=encoding)
    found, unlisted = split_file.read(path, KEYS)
    assert {column: split.sides for column, split in found.items()} == {
        "official": ["train", "test", "train"],
        "one": ["test", "none", "train"],
        "two": ["none", "train", "train"],
    }
    assert unlisted == []


def test_images_that_are_not_listed_are_on_neither_side(tmp_path: Path) -> None:
    found, unlisted = split_file.read(write(tmp_path, "official,file", "test,coast/1.png"), KEYS)
    assert found["official"].sides == ["test", "none", "none"]
    assert unlisted == ["coast/test/2.png", "forest/ä, b.png"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([*LINES, "coast/3.png,train,,", "x,,,"], r"such as coast/1\.png; found 2 .* 'coast/3"),
        ([*LINES, LINES[1]], r"each image once; found 1 listed more than once, such as coast/1\.png\."),
        (
            ["image,official", "coast/1.png,train"],
            r"the columns file and one .*columns image, official\.",
        ),
        (["file", "coast/1.png"], r"found the columns file\."),
        (["file,a,b", "coast/1.png,train,test"], r"two or more others .*found the columns file, a, b\."),
        (["file,a,b,b", "coast/1.png,train,test,test"], r"found the columns file, a, b, b\."),
        (["file;official", "coast/1.png;train"], r"found the columns file;official\."),
        ([], r"found no line\."),
        ([*LINES, "coast/1.png,train"], r"4 cells in each line; found 2 in line 4\."),
        (
            [LINES[0], "coast/1.png,val,,"],
            r"train, test or an .*'val' for coast/1\.png in .* official",
        ),
    ],
)
def test_a_fault_is_told(lines: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(StageError, match=message) as caught:
        split_file.read(write(tmp_path, *lines), KEYS)
    assert f"in {tmp_path / 'own.csv'}" in str(caught.value)
    assert "splits.file in params.yaml." in str(caught.value)


def test_what_is_no_csv_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="found no such file"):
        split_file.read(tmp_path / "own.csv", KEYS)
    with pytest.raises(StageError, match=r"a csv file in UTF-8; found .*decode"):
        split_file.read(write(tmp_path, *LINES, LAST, encoding="latin-1"), KEYS)
