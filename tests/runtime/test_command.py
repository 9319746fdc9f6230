import subprocess
import sys
from pathlib import Path

from support.study import ROOT

from stages.runtime.probe import Probe

STAGE = '''"""A stage."""
from stages.runtime import command
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths

def main(name: str, *, paths: Paths) -> None:
    if name == "bad":
        raise StageError(expected="a good name", found="bad", cause="a test", do="try good")
    if name == "absent":
        (paths.data / "nowhere").read_text()
    print(name, paths.data, paths.results)

if __name__ == "__main__":
    command.run(main)
'''


MANY = '''"""A stage of many things."""
from stages.runtime import command
from stages.runtime.probe import Probe

def main(probe: Probe, *rest: str, kind: str, quick: bool = False) -> None:
    print([probe, rest, kind, quick])

if __name__ == "__main__":
    command.run(main)
'''


def call(folder: Path, *arguments: str, stage: str = STAGE) -> subprocess.CompletedProcess[str]:
    (folder / "stage.py").write_text(stage)
    command = [sys.executable, str(folder / "stage.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}, check=False
    )


def test_the_folders_are_options_with_defaults(tmp_path: Path) -> None:
    assert call(tmp_path, "good").stdout == "good data results\n"
    result = call(tmp_path, "good", "--data", "d", "--results", "r/s")
    assert (result.returncode, result.stdout) == (0, "good d r/s\n")


def test_an_error_is_one_line_and_status_1(tmp_path: Path) -> None:
    result = call(tmp_path, "bad")
    assert result.returncode == 1
    assert result.stderr == (
        "error: expected a good name; found bad. Likely cause: a test. Next: try good.\n"
    )


def test_an_os_error_is_one_line_too(tmp_path: Path) -> None:
    result = call(tmp_path, "absent", "--data", str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert "nowhere" in result.stderr


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    assert "Traceback" in call(tmp_path, "bad", "--debug").stderr


def test_a_missing_or_unknown_argument_is_told(tmp_path: Path) -> None:
    result = call(tmp_path)
    assert result.returncode == 2
    assert "name" in result.stderr
    result = call(tmp_path, "good", "--out", "x")
    assert result.returncode == 2
    assert "--out" in result.stderr


def test_a_probe_is_parsed_and_a_flag_is_off_by_default(tmp_path: Path) -> None:
    result = call(tmp_path, "a/b", "c", "d", "--kind", "x/y", stage=MANY)
    assert result.stdout == f"{[Probe('a', 'b'), ('c', 'd'), 'x/y', False]}\n"
    result = call(tmp_path, "--kind", "x", "--quick", "a/b", "c", stage=MANY)
    assert result.stdout == f"{[Probe('a', 'b'), ('c',), 'x', True]}\n"


def test_at_least_one_of_many_and_every_text_are_required(tmp_path: Path) -> None:
    result = call(tmp_path, "a/b", "--kind", "x", stage=MANY)
    assert (result.returncode, "REST" in result.stderr) == (2, True)
    result = call(tmp_path, "a/b", "c", stage=MANY)
    assert (result.returncode, "--kind" in result.stderr) == (2, True)


def test_help_tells_texts_from_folders_and_defaults(tmp_path: Path) -> None:
    assert "--kind KIND" in call(tmp_path, "--help", stage=MANY).stdout
    shown = call(tmp_path, "--help").stdout
    assert "--data FOLDER" in shown
    assert "default: data" in shown
    assert "default: results" in shown


def full_disk(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    stage = STAGE.replace(
        "print(name", "raise OSError(28, 'No space left on device', name) ; print(name"
    )
    return call(folder, "a.h5", *options, stage=stage)


def test_a_full_disk_says_what_to_free(tmp_path: Path) -> None:
    result = full_disk(tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("error: expected room on the disk; found ")
    assert "dvc gc --workspace" in result.stderr
    assert result.stderr.count("\n") == 1
