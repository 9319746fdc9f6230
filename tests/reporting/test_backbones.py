from typing import Any

from support.examples import inspection
from support.results import NET, OTHER, RANDOM, ROWS, backbone

from stages.inspection import record
from stages.reporting import backbones
from stages.reporting.results import Study
from stages.runtime.paths import Paths


def test_what_a_backbone_knows_of_itself() -> None:
    assert NET.best == ROWS[1].result
    assert NET.results == [ROWS[0].result, ROWS[1].result]
    assert [NET.random, RANDOM.random] == [False, True]
    assert [NET.note, NET.said] == ["not run", None]
    assert backbone("x", "m", "V1", [], inspection=inspection(said="why not")).note == "why not"
    assert backbone("x", "m", "V1", [], inspection=inspection()).said is not None


def test_what_was_seen_with_other_weights_is_not_told(folder: Any, small: dict[str, Any]) -> None:
    entry = small["backbones"]["squeeze"]
    same = {key: entry[key] for key in ("model", "weights")}
    record.write(Paths().inspection("squeeze"), inspection(**same))
    study = Study(small, Paths(), "", "")
    assert backbones.read(study, [])[0].said is not None
    entry["weights"] = "random:7"
    assert backbones.read(study, [])[0].note == "not run"


def test_models_are_told_once() -> None:
    assert backbones.one_of_each_model([OTHER, NET, RANDOM]) == [OTHER, NET]
    assert backbones.one_of_each_model([RANDOM, OTHER, NET]) == [RANDOM, OTHER]
