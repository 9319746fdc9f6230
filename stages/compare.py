"""Compare the results with those of another branch or commit, with a test.

    python -m stages.compare main
    python -m stages.compare main --markdown      (for a pull request)

Reads results/ here, and there through git, without checking it out. Prints for each probe that both
have: the accuracy there and here, the difference in points, how many test images were lost and won, the
p-value of the exact McNemar test, the mean difference over the random splits and the p-value of the
corrected resampled t-test. Holm's correction covers all probes of a table.
"""

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from stages.reporting import comparison
from stages.reporting.table import PROTOCOLS
from stages.runtime import command
from stages.runtime.errors import StageError
from stages.runtime.paths import Paths

NOTE = """images: lost and won on the headline split; p: exact McNemar test. splits: mean difference over
the random splits, in points; p: corrected resampled t-test. Both p have Holm's correction."""


def main(revision: str, *, markdown: bool = False, paths: Paths) -> None:
    """Print a table for each protocol in which something differs."""
    with tempfile.TemporaryDirectory() as folder:
        there = fetch(revision, paths, Path(folder))
        here = paths.committed()
        refuse_nothing("this folder", here)
        refuse_nothing(revision, there)
        for protocol in PROTOCOLS:
            found = comparison.compare(there, here, protocol)
            title = f"{protocol.capitalize()} C"
            if found.all_same:
                print(f"{title}: the same.\n")
                continue
            print(f"{title}:\n\n{comparison.text(found, (revision, 'here'), markdown=markdown)}\n")
    print(NOTE)


def fetch(revision: str, paths: Paths, folder: Path) -> Paths:
    """Unpack the results of `revision` into `folder`; raise `StageError` if git has none."""
    results = paths.results.as_posix()
    # A revision is never an option: argparse takes no positional argument that begins with a dash.
    words = ["git", "archive", "--format=tar", revision, results]
    done = subprocess.run(words, capture_output=True, check=False)
    if done.returncode:
        raise StageError(
            expected=f"a branch or commit with {results}/",
            found=f"{revision}: {done.stderr.decode(errors='replace').strip()}",
            cause="a misspelt name, or results that were not committed there",
            do="git branch --all lists branches; git log lists commits",
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return Paths(folder / "data", folder / results).committed()


def refuse_nothing(where: str, paths: Paths) -> None:
    """Raise `StageError` unless `paths` hold results in the present layout."""
    probes = comparison.run(paths)
    if not probes or not paths.run(probes[0], PROTOCOLS[0]).exists():
        raise StageError(
            expected=f"results of at least one probe in {where}",
            found="none" if not probes else "those of an older layout",
            cause="the pipeline has not run there, or with an older version of it",
            do="dvc repro, and commit results/",
        )


if __name__ == "__main__":
    command.run(main)
