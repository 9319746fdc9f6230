import copy
import functools
import json
import operator
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.study import ROOT, SMALL

from stages.networks.layers import check_backbones
from stages.runtime.errors import StageError
from stages.runtime.params import load_params

Edit = Callable[[dict[str, Any]], object]

BOTH = ["squeeze/pool1", "squeeze/pool2"]
WRONG: dict[str, tuple[Edit, str]] = {
    "unknown section": (lambda p: p.update(svn={}), "one of svm, .* unknown key 'svn'"),
    "unknown key": (lambda p: p["svm"].update(c=1), "in params.yaml, svm: one of .* unknown key 'c'"),
    "missing key": (lambda p: p["svm"].pop("C"), r"svm: C \(a number above 0\); found no such key"),
    "missing section": (lambda p: p.pop("probes"), r"probes \(a list"),
    "wrong type": (lambda p: p["svm"].update(C="big"), 'svm.C: a number above 0; found "big"'),
    "true is no number": (lambda p: p["svm"].update(C=True), "a number above 0; found true"),
    "C of nought": (lambda p: p["svm"].update(C=0), "a number above 0; found 0"),
    "not a number": (lambda p: p["svm"].update(C=float("nan")), "svm.C: a number above 0; found NaN"),
    "infinite": (lambda p: p["svm"].update(C=float("inf")), "svm.C: a number above 0; found Infinity"),
    "normalize": (lambda p: p["svm"].update(normalize="l3"), 'none or l2; found "l3"'),
    "source": (lambda p: p["data"].update(source="web"), 'scene15 .* found "web"'),
    "mirror": (lambda p: p["data"].update(mirrors=["file:///x"]), "mirrors.0: an http://"),
    "device": (
        lambda p: p["runtime"].update(device="gpu"),
        'auto, cpu, cuda, cuda:<number>, mps or xpu; found "gpu"',
    ),
    "batch": (lambda p: p["runtime"].update(batch_size=0), "1 to 4096; found 0"),
    "32.0 is no whole number": (lambda p: p["runtime"].update(batch_size=32.0), "1 to 4096; found 32.0"),
    "storage": (lambda p: p["extract"].update(storage="int8"), "float16 or float32"),
    "model": (lambda p: p["backbones"]["squeeze"].update(model="vgg16"), "torchvision/<name> or timm/"),
    "weights": (lambda p: p["backbones"]["squeeze"].update(weights="/x.pth"), "data/own/weights/"),
    "backbone name": (
        lambda p: p["backbones"].update({"a; touch x": p["backbones"]["squeeze"]}),
        "a name made of letters",
    ),
    "layer name": (
        lambda p: p["backbones"]["squeeze"]["layers"].update({"a/b": "x"}),
        "made of letters",
    ),
    "no layers": (
        lambda p: p["backbones"]["squeeze"].update(layers={}),
        "a mapping from a layer's name",
    ),
    "mean": (lambda p: p["backbones"]["squeeze"].update(mean=[0.5]), "mean: three numbers"),
    "probe of no backbone": (
        lambda p: p["probes"].append("vgg/pool1"),
        "squeeze.* found the unknown backbone 'vgg'",
    ),
    "probe of no layer": (
        lambda p: p["probes"].append("squeeze/pool9"),
        "one of pool., pool.; found the unknown layer 'pool9' of squeeze",
    ),
    "probe twice": (lambda p: p["probes"].append("squeeze/pool1"), "without repeats"),
    "probe form": (lambda p: p["probes"].append("squeeze"), "<backbone>/<layer>"),
    "backbone called fusion": (
        lambda p: p["backbones"].update(fusion=p["backbones"]["squeeze"]),
        'backbones: .*and not fusion; found "fusion"',
    ),
    "fusion name": (lambda p: p["fusions"].update({"a/b": BOTH}), 'made of letters.* found "a/b"'),
    "fusion of one": (lambda p: p["fusions"].update(one=BOTH[:1]), "fusions.one: .* 2 to 4 different"),
    "fusion of five": (
        lambda p: p["fusions"].update(five=[f"squeeze/{i}" for i in range(5)]),
        "fusions.five: .* 2 to 4 different probes",
    ),
    "fusion of one twice": (lambda p: p["fusions"].update(one=BOTH[:1] * 2), "2 to 4 different"),
    "fusion of no probes": (lambda p: p["fusions"].update(x=["a", "b"]), "<backbone>/<layer>"),
    "fusion of what is not listed": (
        lambda p: p["probes"].remove("shuffle/stage2"),
        "fusions.both: one of squeeze/pool., squeeze/pool.; found 'shuffle/stage2', which is not under",
    ),
    "fusion of an unknown backbone": (
        lambda p: p["fusions"].update(x=[*BOTH, "vgg/pool1"]),
        "fusions.x: .* found 'vgg/pool1', which is not under probes",
    ),
    "fusions as a list": (lambda p: p.update(fusions=BOTH), "fusions: a mapping from a name"),
    "pca probe that is not listed": (
        lambda p: p["pca"].update(probes=["squeeze/pool9"]),
        "pca.probes: one of squeeze/pool.*; found 'squeeze/pool9', which is not under probes",
    ),
    "predict probe that is not listed": (
        lambda p: p["predict"].update(probes=["squeeze/pool9"]),
        "predict.probes: one of squeeze/pool.*; found 'squeeze/pool9', which is not under probes",
    ),
    "pca of nothing": (lambda p: p["pca"].update(probes=[]), "pca.probes: a list, .* one or more"),
    "pca of no components": (lambda p: p["pca"].update(components=[]), "pca.components: a list"),
    "component nought": (lambda p: p["pca"].update(components=[1, 0]), "components.1: .*found 0"),
    "components twice": (lambda p: p["pca"].update(components=[4, 4]), "different whole numbers"),
    "solver": (lambda p: p["svm"].update(solver="exact"), 'newton or liblinear; found "exact"'),
    "grid of one": (lambda p: p["svm"].update(grid=[1.0]), "svm.grid: a list of two or more"),
    "one random split": (lambda p: p["splits"].update(random=1), "splits.random: .*2 to 1000; found 1"),
    "half an image to train": (
        lambda p: p["splits"].update(train_per_class=1.5),
        "train_per_class: a whole number .*, or their share of .* above 0 and below 1; found 1.5",
    ),
    "a share of one": (lambda p: p["splits"].update(train_per_class=1.0), "below 1; found 1.0"),
    "no image to test": (
        lambda p: p["splits"].update(test_per_class=0),
        "test_per_class: all or a whole number of test images per class, 1 or more; found 0",
    ),
    "splits elsewhere": (
        lambda p: p["splits"].update(file="../own.csv"),
        'splits.file: null, or a csv file data/own/splits/<name>.csv; found "../own.csv"',
    ),
    "half a split": (lambda p: p["splits"].update(random=2.5), "2 to 1000; found 2.5"),
    "neither true nor false": (
        lambda p: p["splits"].update(group_duplicates="yes"),
        'splits.group_duplicates: true or false; found "yes"',
    ),
    "0 is not false": (lambda p: p["splits"].update(group_duplicates=0), "true or false; found 0"),
    "more alike than the same": (
        lambda p: p["duplicates"].update(similarity=1.01),
        "duplicates.similarity: a number, 0.4 to 1; found 1.01",
    ),
    "unknown pool": (
        lambda p: p["backbones"]["squeeze"]["layers"].update(x={"module": "features.2", "pool": "min"}),
        r"layers.x: .*, or \{module: <path>, pool: none \| mean \| max \| cls \| mean\+cls \| grid2\}",
    ),
    "pool without a module": (
        lambda p: p["backbones"]["squeeze"]["layers"].update(x={"pool": "mean"}),
        r"layers.x: the path of a module, .*; found \{\"pool\"",
    ),
    "no views": (lambda p: p.update(views={}), "views: a mapping from one or more .*; found {}"),
    "view name": (lambda p: p["views"].update({"a;b": p["views"]["square64"]}), 'made of .*found "a;b"'),
    "no view": (
        lambda p: p["backbones"]["squeeze"].pop("view"),
        "view .the name of one of views.; found",
    ),
    "unknown view": (
        lambda p: p["backbones"]["squeeze"].update(view="square65"),
        "backbones.squeeze.view: one of square64; found the unknown view 'square65'",
    ),
    "unknown view of duplicates": (
        lambda p: p["duplicates"].update(view="x"),
        "duplicates.view: one of square64; found the unknown view 'x'",
    ),
    "interpolation": (
        lambda p: p["views"]["square64"].update(interpolation="cubic"),
        'square64.interpolation: bilinear or bicubic; found "cubic"',
    ),
    "crop of more than there is": (
        lambda p: p["views"]["square64"].update(crop=65),
        "views.square64.crop: null or at most the size, 64; found 65",
    ),
    "crop of little": (lambda p: p["views"]["square64"].update(crop=15), "16 to size; found 15"),
    "crop of nought": (lambda p: p["views"]["square64"].update(crop=0), "16 to size; found 0"),
    "half a pixel": (lambda p: p["views"]["square64"].update(crop=32.5), "16 to size; found 32.5"),
    "small size": (lambda p: p["views"]["square64"].update(size=15), "16 to 1024; found 15"),
    "large size": (lambda p: p["views"]["square64"].update(size=1025), "16 to 1024; found 1025"),
    "hardly alike": (lambda p: p["duplicates"].update(similarity=0.39), "0.4 to 1; found 0.39"),
}


@pytest.mark.parametrize("case", WRONG)
def test_each_mistake_gets_one_clear_line(case: str, small: dict[str, Any], study: Any) -> None:
    edit, message = WRONG[case]
    edit(small)
    study(small)
    with pytest.raises(StageError) as caught:
        load_params()
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_at_their_limits_are_allowed(small: dict[str, Any], study: Any) -> None:
    small["fusions"] = {"fusion": [*BOTH, "shuffle/stage2"], "2": BOTH}
    small["duplicates"]["similarity"], small["splits"]["group_duplicates"] = 1, True
    study(small)
    assert load_params() == small
    small["fusions"], small["duplicates"]["similarity"] = {}, 0.4
    study(small)
    assert load_params() == small


@pytest.mark.parametrize("name", ["params.yaml", "params.demo.yaml", "tests/support/params.memory.yaml"])
def test_the_projects_own_parameters_are_valid(name: str) -> None:
    assert load_params(ROOT / name)["probes"]


def test_numbers_are_read_as_dvc_reads_them(small: dict[str, Any], study: Any) -> None:
    folder = study(small)
    text = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(re.sub(r"C: 1\.0", "C: 1e-3", text))
    assert load_params()["svm"]["C"] == 1e-3  # a text for PyYAML


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no such file"):
        load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    "text", ["a: [", "a: &a [*a]", "a: 2026-01-01", "? [x]\n: y", "\x00", "", "a: 1\na: 2"]
)
def test_yaml_that_is_no_study_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(StageError):
        load_params(tmp_path / "params.yaml")


# How often each property is tried; `CASES=5000 pytest tests/runtime/test_params.py` tries harder.
often = settings(max_examples=int(os.environ.get("CASES", "200")))
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
# Text with a meaning to YAML, to a shell, or to a study.
telling = st.sampled_from(
    [*"{}[]:,&*#?|-<>=!%@'\"\\\n\t\0;$`~.", "<<: *a", "!!python/name:os.system", "&a", "1e999",
     "0x1_0", "2026-01-01", "squeeze", "squeeze/pool1", "random:1", "../", "\ufeff", "\ud800", "é",
     "---\n", ".nan"]
)  # fmt: skip
values = st.recursive(
    scalars | telling,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def judged(content: bytes, folder: Path) -> None:
    """Assert that `content` is a study, or is refused in one line."""
    path = folder / "params.yaml"
    path.write_bytes(content)
    try:
        params = load_params(path)
        networks(json.dumps({key: params[key] for key in ("backbones", "views")}))
    except StageError as error:
        assert "\n" not in str(error)
        assert "Next: " in str(error)


@functools.lru_cache(1000)
def networks(sections: str) -> None:
    check_backbones(json.loads(sections))


def encoded(parts: list[str]) -> bytes:
    return "".join(parts).encode(errors="surrogatepass")


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in nested mappings and lists."""
    inner = node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else [])
    return [path, *(place for key, value in inner for place in places(value, (*path, key)))]


@often
@given(
    place=st.sampled_from(places(SMALL)[1:]), key=st.none() | telling | st.text(max_size=5), value=values
)
def test_any_value_anywhere_is_accepted_or_refused_in_one_line(
    place: tuple[Any, ...], key: str | None, value: Any, tmp_path_factory: Any
) -> None:
    """The value replaces another one or, with a key, is added beside it."""
    params = copy.deepcopy(SMALL)
    around = functools.reduce(operator.getitem, place[:-1], params)
    if isinstance(around, list):
        around[place[-1]] = value
    else:
        around[place[-1] if key is None else key] = value
    try:
        content = json.dumps(params).encode()  # which is YAML
    except ValueError:
        return
    judged(content, tmp_path_factory.getbasetemp())


@often
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 20), telling | st.text(max_size=4)), max_size=4
    ),
    noise=st.binary(max_size=4),
)
def test_any_edit_of_the_text_is_accepted_or_refused_in_one_line(
    changes: list[tuple[float, int, str]], noise: bytes, tmp_path_factory: Any
) -> None:
    """Some characters of a study are removed, others inserted."""
    text = (ROOT / "params.demo.yaml").read_bytes()
    for where, taken, put in changes:
        at = int(where * len(text))
        text = text[:at] + encoded([put]) + text[at + taken :]
    judged(text + noise, tmp_path_factory.getbasetemp())


@often
@given(content=st.binary(max_size=60) | st.lists(telling | st.text(max_size=9)).map(encoded))
def test_any_bytes_are_accepted_or_refused_in_one_line(content: bytes, tmp_path_factory: Any) -> None:
    judged(content, tmp_path_factory.getbasetemp())
