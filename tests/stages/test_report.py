"""The report of a small study whose class and file names try to be markup, and of no study at all."""

import copy
import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from support.browser import visit
from support.study import ROOT, SMALL, dump, only

from stages import (
    decode,
    draw,
    extract,
    fetch_weights,
    find_duplicates,
    fuse,
    gram,
    inspect_network,
    pca,
    report,
    softmax,
    split,
    summarize,
    time_training,
    train,
    tune,
    tune_fusion,
)
from stages.networks import models
from stages.reporting import answers
from stages.runtime.files import read_csv, read_json
from stages.runtime.paths import Paths
from stages.runtime.probe import Probe
from stages.sources import synthetic

NASTY = ["a|b <b>bold", "*c* &amp; $d$", "_e_ `f` [g](x)"]
FILE = "<img src=x onerror=alert(1)>.png"
PROBES = ["shuffle/stage2", "shuffle/stage4", "control/stage2"]


def study() -> dict[str, Any]:
    params = copy.deepcopy(SMALL)
    params["data"].update(source="folder")
    layers = {"stage2": "stage2", "stage4": "stage4"}
    model, view = "torchvision/shufflenet_v2_x0_5", {"view": "square64"}
    params["backbones"] = {
        "shuffle": {"model": model, "weights": "data/own/weights/mine.pth", "layers": layers, **view},
        "control": {"model": model, "weights": "random", "layers": layers, **view},
    }
    only(params, *PROBES, "control/stage4")  # the last is not run
    params["fusions"] = {"both": PROBES[:2], "never": ["shuffle/stage2", "control/stage4"]}
    params["duplicates"]["similarity"] = 0.9
    params["inspect_network"]["images"] = [f"{NASTY[0]}/{FILE}"]
    return params


def images(folder: Path) -> None:
    """Three classes with names and a file that try to be markup."""
    synthetic.write(folder / "made", classes=3, images_per_class=12)
    for made, name in zip(sorted((folder / "made").iterdir()), NASTY, strict=True):
        (folder / "data" / "images").mkdir(parents=True, exist_ok=True)
        made.rename(folder / "data" / "images" / name)
        (folder / "data" / "images" / name / "0000.png").rename(folder / "data" / "images" / name / FILE)
    original = folder / "data" / "images" / NASTY[1] / "0001.png"
    with Image.open(original) as image:
        image.resize((60, 60)).save(original.with_name("duplicate.png"))
    (original.with_name("same.png")).write_bytes(original.read_bytes())
    decode.main("square64", paths=Paths())
    for stage in (find_duplicates, split):
        stage.main(paths=Paths())


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every stage but one probe's has run."""
    folder = tmp_path_factory.mktemp("told")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        dump(study(), folder / "params.yaml")
        images(folder)
        own = folder / "data" / "own" / "weights" / "mine.pth"
        own.parent.mkdir(parents=True)
        torch.manual_seed(5)
        torch.save(models.build("torchvision/shufflenet_v2_x0_5").state_dict(), own)
        for name in ("shuffle", "control"):
            for stage in (fetch_weights, summarize, time_training, extract, inspect_network, draw):
                stage.main(name, paths=Paths())
        for probe in map(Probe.parse, PROBES):
            for work in (gram, train, tune, softmax):
                work.main(probe, paths=Paths())
        fuse.main("both", paths=Paths())
        tune_fusion.main("both", paths=Paths())
        pca.main(Probe.parse(PROBES[0]), paths=Paths())
        report.main(paths=Paths())
    return folder


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_in_a_browser(width: int, told: Path) -> None:
    path = told / "results" / "report.html"
    with visit(path, width) as seen:
        seen.check(path, len(answers.QUESTIONS))
        assert len(seen.list("img", "e.src")) == 10 + 3 + 1  # figures; what the networks see and say
        headings = seen.list("h2", "e.textContent")
        expected = [question.format(network="shuffle") for question in answers.QUESTIONS]
        assert headings == [f"{number}. {text}" for number, text in enumerate(expected, 1)]
        targets = seen.list("a[href^='#']", "document.querySelector(e.getAttribute('href')) !== null")
        assert len(targets) >= len(answers.QUESTIONS)
        assert set(targets) == {"true"}
        text = seen.page.inner_text("body")
        assert all(name in text for name in NASTY)
        strange = "script, b, a[href]:not([href^='#'])"
        assert seen.list(strange, "e.outerHTML") == []


def test_the_page_on_paper(told: Path) -> None:
    with visit(told / "results" / "report.html", 794) as seen:  # A4 at 96 dots an inch
        seen.page.emulate_media(media="print")
        assert seen.list("html", "e.scrollWidth <= window.innerWidth") == ["true"]
        assert seen.page.pdf().startswith(b"%PDF")


def test_the_page_says_what_was_measured(told: Path) -> None:
    results = told / "results"
    page = (results / "report.md").read_text()
    for probe in PROBES:
        tuned, fixed = (
            json.loads((results / "svm" / how / probe / "metrics.json").read_text())
            for how in ("tuned", "fixed")
        )
        head = json.loads((told / "data" / "softmax" / f"{probe}.json").read_text())
        made = json.loads((results / "svm" / "tuned" / probe / "run.json").read_text())
        lines = [line for line in page.splitlines() if line.startswith(f"| {probe} | ")]
        line, *_ = (line for line in lines if "%" not in line)  # the table, before the details
        cells = [cell.strip(" *") for cell in line.split("|")]
        assert cells[2].startswith(f"{tuned['relative_C']:g} ({tuned['C']:.1e})")
        assert ("edge" in cells[2]) == made["at_edge"]
        for pair, metrics in ((cells[3:5], tuned), (cells[5:7], fixed)):
            accuracy, spread = (cell.removesuffix(" ≈").strip("*") for cell in pair)
            assert accuracy == f"{metrics['accuracy']:.4f}"
            assert spread == f"{metrics['mean_accuracy']:.4f} ± {metrics['std_accuracy']:.4f}"
        assert cells[7] == f"{made['feature_dim']:,}"
        assert f"| {100 * head['accuracy']:.1f} % |" in page
    with (results / "summaries" / "shuffle" / "layers.csv").open() as file:
        total = int(list(csv.DictReader(file))[-1]["total"])
    assert f"{total:,}, or " in page
    seen = json.loads((results / "inspection" / "shuffle" / "answers.json").read_text())
    assert f"| not normalised | {100 * seen['not_normalised_changed']:.1f} % |" in page
    assert "control: 1 of its 2 probes not run" in page
    assert "| control/stage4 | not run | | | | | | | |" in page
    assert "| fusion/never | not run | | | | | | | |" in page
    fused = json.loads((results / "svm" / "tuned" / "fusion" / "both" / "metrics.json").read_text())
    accuracy = f"{100 * fused['accuracy']:.1f} %"
    assert f"- fusion/both (shuffle/stage2 + shuffle/stage4), C tuned: {accuracy}," in page
    assert "Pairs of equal files: 1." in page
    assert "control has nothing to say: its weights are random" in page


def test_both_pages_show_the_same_pictures_and_all_of_them_exist(told: Path) -> None:
    results = told / "results"
    page = (results / "report.md").read_text()
    named = re.findall(r"^!\[.*\]\((.*?)\)$", page, re.MULTILINE)
    assert len(named) == (results / "report.html").read_text().count("<img ")
    assert all((results / name).is_file() for name in named)


def test_what_git_keeps_is_what_the_stages_wrote(told: Path) -> None:
    results, data = told / "results", told / "data"
    for name in ("svm/tuned/shuffle/stage2/curve.csv", "svm/fixed/fusion/both/predictions.csv",
                 "inspection/shuffle/answers.csv", "summaries/control/layers.md"):  # fmt: skip
        assert (results / name).read_bytes() == (data / name).read_bytes()
    assert not list(results.rglob("seen.h5"))
    kept = {path.relative_to(results / "svm/tuned").as_posix() for path in results.glob("svm/tuned/*/*")}
    assert kept == {*PROBES, "fusion/both"}


def test_what_dvc_draws_is_what_was_measured(told: Path) -> None:
    plots = told / "results" / "plots"
    lines = {path.stem: read_csv(path) for path in plots.iterdir()}
    tuned = {
        probe: read_json(Paths(told / "data").metrics(Probe.parse(probe), "tuned")) for probe in PROBES
    }
    assert {
        f"{line['backbone']}/{line['layer']}": float(line["accuracy"]) for line in lines["depth"]
    } == {probe: metrics["accuracy"] for probe, metrics in tuned.items()}
    for probe, metrics in tuned.items():
        matrix = [line for line in lines["confusion"] if line["probe"] == probe]
        right = sum(int(line["images"]) for line in matrix if line["actual"] == line["predicted"])
        assert right / metrics["n_test"] == metrics["accuracy"]
        for label in NASTY:
            shares = [float(line["share"]) for line in matrix if line["actual"] == label]
            assert sum(shares) == pytest.approx(1, abs=2e-4)
        splits = [float(line["accuracy"]) for line in lines["splits"] if line["probe"] == probe]
        assert sum(splits) / len(splits) == pytest.approx(metrics["mean_accuracy"])
    ranks = {line["probe"]: int(line["rank"]) for line in lines["confusion"]}
    assert sorted(ranks.values()) == [1, 2, 3, 4]
    assert {line["probe"] for line in lines["components"]} == {PROBES[0]}


def test_every_chart_has_its_template_and_its_values(told: Path) -> None:
    plots = {path.stem for path in (told / "results" / "plots").iterdir()}
    assert plots == {path.stem for path in (ROOT / ".dvc" / "plots").iterdir()}


def test_told_twice_is_told_the_same(told: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(told)
    before = (told / "results" / "report.html").read_bytes()
    report.main(paths=Paths())
    assert (told / "results" / "report.html").read_bytes() == before


def test_a_report_without_any_result_says_so(
    small: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    dump(study(), tmp_path / "params.yaml")
    images(tmp_path)
    report.main(paths=Paths())
    assert (tmp_path / "results" / "table.csv").read_text().count("not run") == 6
    assert "No probe was run yet" in (tmp_path / "results" / "report.md").read_text()
    path = tmp_path / "results" / "report.html"
    with visit(path) as seen:
        seen.check(path, len(answers.QUESTIONS))
