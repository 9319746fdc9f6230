import subprocess
import sys
from pathlib import Path

from stages.runtime.errors import StageError

STAGE = '''"""A stage."""
from pathlib import Path
from stages.runtime import command

def main(name: str, *, out: Path) -> None:
    if name == "bad":
        raise command.StageError(expected="a good name", found="bad", cause="a test", do="try good")
    if name == "absent":
        out.read_text()
    out.write_text(name)

if __name__ == "__main__":
    command.run(main)
'''


MANY = '''"""A stage of many things."""
from pathlib import Path
from stages.runtime import command

def main(first: str, *rest: str, kind: str, folder: Path = Path("here"), word: str = "none") -> None:
    print([first, rest, kind, folder, word])

if __name__ == "__main__":
    command.run(main)
'''


def call(folder: Path, *arguments: str, stage: str = STAGE) -> subprocess.CompletedProcess[str]:
    (folder / "stage.py").write_text(stage)
    command = [sys.executable, str(folder / "stage.py"), *arguments]
    root = Path(__file__).parents[2]
    return subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(root)}, check=False
    )


def test_positional_and_paths(tmp_path: Path) -> None:
    assert call(tmp_path, "good", "--out", str(tmp_path / "x")).returncode == 0
    assert (tmp_path / "x").read_text() == "good"


def test_an_error_is_one_line_and_status_1(tmp_path: Path) -> None:
    result = call(tmp_path, "bad", "--out", "x")
    assert result.returncode == 1
    assert result.stderr == (
        "error: expected a good name; found bad. Likely cause: a test. Next: try good.\n"
    )


def test_an_os_error_is_one_line_too(tmp_path: Path) -> None:
    result = call(tmp_path, "absent", "--out", str(tmp_path / "nowhere"))
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "nowhere" in result.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in call(tmp_path, "bad", "--out", "x", "--debug").stderr


def test_a_missing_path_is_told(tmp_path: Path) -> None:
    result = call(tmp_path, "good")
    assert result.returncode == 2
    assert "--out" in result.stderr


def test_many_positional_ones_and_texts_and_defaults(tmp_path: Path) -> None:
    result = call(tmp_path, "a", "b", "c", "--kind", "x/y", stage=MANY)
    assert result.stdout == f"{['a', ('b', 'c'), 'x/y', Path('here'), 'none']}\n"
    result = call(tmp_path, "--folder", "there", "--kind", "x", "--word", "w", "a", "b", stage=MANY)
    assert result.stdout == f"{['a', ('b',), 'x', Path('there'), 'w']}\n"


def test_of_many_at_least_one_and_what_has_no_default_is_required(tmp_path: Path) -> None:
    result = call(tmp_path, "a", "--kind", "x", stage=MANY)
    assert (result.returncode, "REST" in result.stderr) == (2, True)
    result = call(tmp_path, "a", "b", stage=MANY)
    assert (result.returncode, "--kind" in result.stderr) == (2, True)


def test_help_tells_texts_from_paths_and_defaults(tmp_path: Path) -> None:
    shown = call(tmp_path, "--help", stage=MANY).stdout
    assert "--kind KIND" in shown
    assert "--folder PATH  default: here" in shown


def test_within_names_what_it_is_about() -> None:
    error = StageError(expected="a\nb", found="c", cause="d", do="e").within("backbone x")
    assert str(error) == "backbone x: expected a b; found c. Likely cause: d. Next: e."
