"""Real `dvc` runs of the whole graph, on generated scenes and small untrained networks."""

from typing import Any

import pytest
from support.project import Project, ran
from support.study import SMALL

from stages.runtime import files
from stages.sources import synthetic

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("pipeline") / "project", SMALL)


BACKBONES, PROBES = ("squeeze", "shuffle"), ("squeeze/pool1", "squeeze/pool2", "shuffle/stage2")
OF_BACKBONES = ("fetch_weights", "summarize", "time_training", "extract", "inspect_network", "draw")
OF_PROBES = ("gram", "train", "tune", "softmax", "knn", "learning_curve")
ALL = {
    *(
        "download",
        "decode@square64",
        "find_duplicates",
        "split",
        "report",
        "similarity",
        "fuse@both",
        "tune_fusion@both",
    ),
    *("pca@squeeze/pool2", "export@squeeze/pool2"),
    *(f"{stage}@{backbone}" for stage in OF_BACKBONES for backbone in BACKBONES),
    *(f"{stage}@{probe}" for stage in OF_PROBES for probe in PROBES),
}
FIXED = {*(f"train@{probe}" for probe in PROBES), "fuse@both", "report"}
OF_PROBES_TUNED = ("tune", "learning_curve")
TUNED = {
    *(f"{stage}@{probe}" for stage in OF_PROBES_TUNED for probe in PROBES),
    *("tune_fusion@both", "report"),
}
OF_SVM = {"pca@squeeze/pool2", "export@squeeze/pool2"}
PLOTS = ("Accuracy by depth", "Cross-validation", "Random splits", "Components", "Confusion matrix")
INSPECT = {f"{stage}@{backbone}" for stage in ("inspect_network", "draw") for backbone in BACKBONES}


# The tests below tell one story, in this order.


def test_the_first_run_runs_everything(project: Project) -> None:
    assert project.repro() == ALL
    page = (project.folder / "results" / "report.md").read_text()
    assert "| not run |" not in page
    assert f"{project.accuracy('squeeze/pool2'):.4f}" in page
    assert project.accuracy("squeeze/pool2") > 1 / 3  # better than chance
    assert (project.folder / "results" / "figures" / "depth.png").stat().st_size > 5000


def test_git_sees_only_what_is_to_be_committed(project: Project) -> None:
    status = project.run("git", "status", "--short").split()
    assert status == ["??", "dvc.lock", "??", "results/"]
    project.commit("First results")


def test_the_second_run_runs_nothing(project: Project) -> None:
    assert "stages are up to date" in project.run("python", "-m", "stages.forecast")
    assert project.repro() == set()


def test_dvcs_own_commands(project: Project) -> None:
    shown = project.run("dvc", "metrics", "show").splitlines()
    assert shown[0].split() == ["Path", "accuracy", "fixed_C", "over_splits"]
    assert len(shown) == 1 + len(PROBES) + 2  # the fusion, and the best
    assert max(map(len, shown)) <= 120
    assert "index.html" in project.run("dvc", "plots", "show")
    html = (project.folder / "dvc_plots" / "index.html").read_text()
    assert all(f'"title": {{"text": "{title}"' in html for title in PLOTS)
    pictures = [path.relative_to(project.folder) for path in (project.folder / "results").rglob("*.png")]
    assert len(pictures) == 12 + 2 * 2  # the report's figures, and two images' maps by two backbones
    figures = [path for path in pictures if path.parts[1] == "figures"]
    assert all("workspace_" + "_".join(path.parts) in html for path in figures)
    assert project.run("git", "status", "--short") == ""


def test_a_changed_c_reruns_only_the_svms_with_that_c(project: Project) -> None:
    project.edit(lambda p: p["svm"].update(C=1e-6))
    assert "svm.C" in project.run("dvc", "params", "diff")
    told = project.run("python", "-m", "stages.forecast")
    assert "To run: train (3), fuse, report." in told
    assert "which no time is known: report." in told
    assert project.repro() == FIXED
    changed = project.run("dvc", "metrics", "diff", "main").splitlines()[1:]
    assert {line.split()[1] for line in changed} == {"fixed_C"}
    assert len(changed) <= len(PROBES) + 2
    project.run("dvc", "plots", "diff", "main")
    html = (project.folder / "dvc_plots" / "index.html").read_text()
    assert all(f"{when}_results_figures_depth.png" in html for when in ("main", "workspace"))


def test_an_experiment(project: Project) -> None:
    project.run("git", "checkout", "--quiet", ".")
    project.repro()
    out = project.run("dvc", "exp", "run", "-S", "svm.C=1e-5", "--name", "small-c")
    assert ran(out) == FIXED
    assert "1e-05" in project.run("dvc", "exp", "show", "--csv")


def test_another_grid_reruns_only_what_chooses_from_it(project: Project) -> None:
    project.run("git", "checkout", "--quiet", ".")
    project.repro()
    before = (project.folder / "data" / "dual" / "squeeze" / "pool2.h5").read_bytes()
    project.edit(lambda p: p["svm"].update(grid=[0.001, 0.01, 0.1]))
    changed = project.repro()
    after = (project.folder / "data" / "dual" / "squeeze" / "pool2.h5").read_bytes()
    assert changed == TUNED | (OF_SVM if before != after else set())
    project.edit(lambda p: p["svm"].update(normalize="l2"))
    softmax = {f"softmax@{probe}" for probe in PROBES}
    assert project.repro() == FIXED | TUNED | OF_SVM | softmax


def test_one_more_layer_reruns_one_of_each(project: Project) -> None:
    project.run("git", "checkout", "--quiet", ".")
    project.repro()

    def more(params: dict[str, Any]) -> None:
        params["backbones"]["squeeze"]["layers"]["pool3"] = "features.8"
        params["probes"].append("squeeze/pool3")

    project.edit(more)
    assert project.repro() == {
        "extract@squeeze",
        "inspect_network@squeeze",
        "draw@squeeze",
        "gram@squeeze/pool3",
        "train@squeeze/pool3",
        "tune@squeeze/pool3",
        "softmax@squeeze/pool3",
        "knn@squeeze/pool3",
        "learning_curve@squeeze/pool3",
        "similarity",
        "report",
    }


def test_changing_one_backbone_leaves_the_others_alone(project: Project) -> None:
    project.edit(lambda p: p["backbones"]["shuffle"].update(weights="random:2"))
    # How many parameters there are, and how long a step takes, does not depend on their values.
    untouched = {"summarize@shuffle", "time_training@shuffle"}
    its_own = {stage for stage in ALL if "shuffle" in stage} - untouched
    assert project.repro() == its_own | {"fuse@both", "tune_fusion@both", "similarity", "report"}


def test_another_view_of_one_backbone_leaves_the_others_alone(project: Project) -> None:
    def crop(params: dict[str, Any]) -> None:
        params["views"]["cut"] = {"size": 64, "crop": 56, "interpolation": "bicubic"}
        params["backbones"]["shuffle"]["view"] = "cut"

    project.edit(crop)
    its_own = {stage for stage in ALL if "shuffle" in stage} - {"fetch_weights@shuffle"}
    of_all = {"fuse@both", "tune_fusion@both", "similarity", "report"}
    assert project.repro() == its_own | of_all | {"decode@cut"}


def test_another_fusion_runs_alone(project: Project) -> None:
    project.edit(lambda p: p["fusions"].update(all=list(PROBES)))
    assert project.repro() == {"fuse@all", "tune_fusion@all", "report"}
    project.edit(lambda p: p["backbones"]["shuffle"].update(weights="random:3"))
    assert {f"{stage}@{name}" for stage in ("fuse", "tune_fusion") for name in ("all", "both")} <= (
        project.repro()
    )


def test_other_splits_run_what_they_train(project: Project) -> None:
    project.edit(lambda p: p["splits"].update(random=3))
    of_splits = ("train", "tune", "knn", "learning_curve")
    of_probes = {f"{stage}@{probe}" for stage in of_splits for probe in (*PROBES, "squeeze/pool3")}
    more = of_probes | {"split", "fuse@all", "tune_fusion@all"}
    assert project.repro() == FIXED | TUNED | more  # nothing that knows the headline split alone


def test_a_file_of_splits_is_watched(project: Project) -> None:
    index = files.read_csv(project.folder / "data" / "index.csv")
    path = project.folder / "data" / "own" / "splits" / "mine.csv"
    lines = ([f"{row['label']}/{row['file']}", row["split"]] for row in index)
    files.write_csv(path, ["file", "mine"], lines)
    assert project.repro() == {"split"}  # which does not use it
    project.edit(lambda p: p["splits"].update(file="data/own/splits/mine.csv"))
    assert project.repro() == {"split", "report"}  # the same splits, by another way
    project.edit(lambda p: p["splits"].update(file=None))
    project.repro()


def test_another_number_of_components_reruns_only_pca(project: Project) -> None:
    project.edit(lambda p: p["pca"].update(components=[1, 2, 3]))
    assert project.repro() == {"pca@squeeze/pool2", "report"}


def test_weights_are_exported_only_where_they_are_asked_for(project: Project) -> None:
    project.edit(lambda p: p["predict"].update(probes=[]))
    assert project.repro() == set()
    project.edit(lambda p: p["predict"].update(probes=["squeeze/pool1", "squeeze/pool2"]))
    assert project.repro() == {"export@squeeze/pool1"}


def test_a_trained_probe_tells_of_new_images(project: Project) -> None:
    image = next((project.folder / "data" / "images").glob("*/*"))
    out = project.run("python", "-m", "stages.predict", "--probe", "squeeze/pool2", str(image))
    assert out.split()[:2] == [str(image), image.parent.name]


def test_other_images_to_look_at_rerun_only_the_looking(project: Project) -> None:
    project.edit(lambda p: p["inspect_network"].update(images=["forest/0000.png"]))
    assert project.repro() == INSPECT | {"report"}


def test_another_head_leaves_the_svm_alone(project: Project) -> None:
    project.edit(lambda p: p["softmax"].update(C=0.5))
    heads = {f"softmax@{probe}" for probe in (*PROBES, "squeeze/pool3")}
    assert project.repro() == heads | {"report"}


def test_another_wording_reruns_only_the_report(project: Project) -> None:
    template = project.folder / "stages" / "reporting" / "templates" / "report.md.j2"
    template.write_text(template.read_text().replace("# At which layer?", "# Which one?"))
    assert project.repro() == {"report"}
    assert (project.folder / "results" / "report.html").read_text().count("Which one?") == 1


def test_another_colour_reruns_what_draws(project: Project) -> None:
    style = project.folder / "stages" / "reporting" / "figures" / "style.py"
    style.write_text(style.read_text() + "# Another comment.\n")
    draw = {f"draw@{backbone}" for backbone in BACKBONES}
    assert project.repro() == draw | {"report"}


def test_bytecode_and_words_for_people_rerun_nothing(project: Project) -> None:
    project.run("python", "-m", "compileall", "-q", "stages")  # as imports leave it
    assert list((project.folder / "stages").rglob("__pycache__/*.pyc"))
    assert project.repro() == set()
    for name in ("dvc.yaml", "params.schema.json"):
        path = project.folder / name
        path.write_text(
            path.read_text().replace("desc: The", "desc: All the").replace("a number", "one number")
        )
    assert "one number" in (project.folder / "params.schema.json").read_text()
    assert "desc: All the" in (project.folder / "dvc.yaml").read_text()
    assert project.repro() == set()
    project.run("git", "checkout", "--quiet", "dvc.yaml", "params.schema.json")


def test_how_it_is_run_is_not_tracked(project: Project) -> None:
    project.edit(lambda p: p["runtime"].update(batch_size=5))
    assert project.repro() == set()


def test_weights_that_cannot_be_had_stop_only_what_needs_them(project: Project) -> None:
    project.edit(lambda p: p["backbones"]["shuffle"].update(weights="data/own/weights/absent.pth"))
    out = project.run("dvc", "repro", "--keep-going", status=255)
    assert "error: backbone shuffle: expected a state dict at data/own/weights/absent.pth" in out
    assert "Traceback" not in out
    assert project.repro("--single-item", "report") == {"report"}
    page = (project.folder / "results" / "report.md").read_text()
    assert "| shuffle/stage2 | out of date | | | | | | | |" in page
    assert f"{project.accuracy('squeeze/pool1'):.4f}" in page


def test_weights_of_the_users_own_are_watched(project: Project) -> None:
    project.run("git", "checkout", "--quiet", ".")
    project.repro()
    own = project.folder / "data" / "own" / "weights" / "mine.pth"
    own.write_bytes((project.folder / "data" / "weights" / "squeeze.pth").read_bytes())
    # All that could use it look at it; what they make is the same, so nothing else runs.
    assert project.repro() == {"fetch_weights@squeeze", "fetch_weights@shuffle"}
    project.edit(lambda p: p["backbones"]["squeeze"].update(weights="data/own/weights/mine.pth"))
    assert project.repro("extract@squeeze") == {"fetch_weights@squeeze", "extract@squeeze"}


def test_images_of_the_users_own_are_watched(project: Project) -> None:
    own = project.folder / "data" / "own" / "images"
    synthetic.write(own, classes=2, images_per_class=8)
    project.edit(lambda p: p["data"].update(source="folder"))
    needed = {"download", "decode@square64", "find_duplicates", "split"}
    assert project.repro("split") == needed
    assert project.repro("split") == set()
    (own / "forest" / "0003.png").unlink()
    assert project.repro("split") == needed
    assert len((project.folder / "data" / "index.csv").read_text().splitlines()) == 1 + 15


def test_a_slip_is_told_before_any_work(project: Project) -> None:
    project.run("git", "checkout", "--quiet", ".")
    project.edit(lambda p: p["backbones"]["squeeze"]["layers"].update(pool2="features.55"))
    project.edit(lambda p: p["data"]["synthetic"].update(images_per_class=13))
    out = project.run("dvc", "repro", status=255)
    assert "error: backbone squeeze: expected layer pool2 to name a module" in out
    assert ran(out) <= {
        "download",
        "fetch_weights@squeeze",
        "fetch_weights@shuffle",
    }
    project.edit(lambda p: p["svm"].update(C="big"))
    assert 'svm.C: a number above 0; found "big"' in project.run("dvc", "repro", status=255)
