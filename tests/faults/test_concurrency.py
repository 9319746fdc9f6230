"""Two at once: each waits, or says that it must, and the results are those of one."""

import csv
import time

from support.process import start
from support.project import Project


def test_two_dvc_repro_at_once(project: Project) -> None:
    """One gives up, naming the other, where it meets a file that the other works on; none does harm."""
    project.edit(lambda p: p["data"]["synthetic"].update(images_per_class=13))
    both = [start(project.folder, "dvc", "--wait-for-lock", "repro") for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert 0 in [process.returncode for process in both], said
    for process, text in zip(both, said, strict=True):
        assert process.returncode == 0 or "is busy, it is being blocked by" in text, text
        assert "Traceback" not in text
    assert project.repro() == set()
    assert not list((project.folder / "data").glob("partial/*/"))


def test_a_queue_with_two_workers(project: Project) -> None:
    project.commit("Other images")
    values = ["0.01", "0.1", "10", "100"]
    for value in values:
        project.run("dvc", "exp", "run", "--queue", "-S", f"svm.C={value}")
    project.run("dvc", "queue", "start", "--jobs", "2")
    for _ in range(180):
        status = project.run("dvc", "queue", "status")
        if status.count("Success") + status.count("Failed") == len(values):
            break
        time.sleep(1)
    assert status.count("Success") == len(values), status
    project.run("dvc", "queue", "stop", "--kill")  # workers wait ten seconds for more, and then end
    table = csv.DictReader(project.run("dvc", "exp", "show", "--csv").splitlines())
    tried = {line["svm.C"]: line["results/summary/squeeze/pool1.json:fixed_C"] for line in table}
    assert all(0 <= float(tried[value]) <= 1 for value in values), tried
