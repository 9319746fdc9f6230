"""Read `params.yaml` and check all of it before any work starts.

`params.schema.json` says what is allowed; editors understand it too. It is no dependency of any stage,
as it can refuse a study but never change a result. `networks.layers.check_backbones` checks the names
that only torch knows: models, weights, modules.
"""

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.runtime.errors import StageError, among
from stages.runtime.probe import Probe

PARAMS = Path("params.yaml")
_SCHEMA = Path(__file__).parents[2] / "params.schema.json"


def _is_number(checker: Any, value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_integer(checker: Any, value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# JSON Schema accepts NaN as a number and 32.0 as an integer.
_Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"number": _is_number, "integer": _is_integer}
    ),
)


def load_params(path: Path = PARAMS) -> dict[str, Any]:
    """Return the checked parameters.

    Like DVC, use ruamel.yaml: PyYAML reads `1e-3` as a text.

    Raises `StageError` for the first fault: an unknown or missing key, a wrong type or value, a probe
    with an unknown backbone or layer, a fusion, `pca` or `predict` of what is not under probes, an
    unknown view, or a crop larger than the resized image.
    """
    document = _read(path)
    validator = _Validator(json.loads(_SCHEMA.read_text()))
    errors = sorted(validator.iter_errors(document), key=lambda error: list(map(str, error.path)))
    if errors:
        raise _refusal(path, errors[0])
    _check_views(path, document)
    for probe in document["probes"]:
        _check_probe(path, probe, document["backbones"])
    for section, probes in _lists(document):
        _check_listed(path, section, probes, document["probes"])
    return dict(document)


def _read(path: Path) -> Any:
    try:
        document = YAML(typ="safe").load(path.read_bytes())
        # The round trip refuses what json cannot hold: dates, a list inside itself.
        return json.loads(json.dumps(document))
    except FileNotFoundError:
        raise StageError(
            expected=f"the parameters in {path}",
            found="no such file",
            cause="the command was not run in the project's folder",
            do="change to the folder that holds dvc.yaml",
        ) from None
    except (YAMLError, ValueError, TypeError, RecursionError, UnicodeDecodeError) as error:
        raise StageError(
            expected=f"{path} to be YAML made of mappings, lists, texts and numbers",
            found=str(error),
            cause="a syntax error",
            do=f"edit {path}",
        ) from error


def _refusal(path: Path, error: jsonschema.ValidationError) -> StageError:
    where = ".".join(str(part) for part in error.absolute_path) or "the whole file"
    schema: Any = error.schema
    value: Any = error.instance
    if error.validator == "additionalProperties":
        allowed = list(schema["properties"])
        unknown = next(key for key in value if key not in allowed)
        expected, found = f"one of {among(unknown, allowed)}", f"the unknown key {unknown!r}"
    elif error.validator == "required":
        missing = next(key for key in schema["required"] if key not in value)
        description = schema["properties"][missing].get("description", "")
        expected, found = f"{missing} ({description})", "no such key"
    else:
        expected, found = schema["description"], _short(value)
    return StageError(
        expected=f"in {path}, {where}: {expected}",
        found=found,
        cause="a misspelt or misplaced entry",
        do=f"edit {path}",
    )


def _check_views(path: Path, document: dict[str, Any]) -> None:
    views = document["views"]
    named = {f"backbones.{name}.view": entry["view"] for name, entry in document["backbones"].items()}
    for where, view in {**named, "duplicates.view": document["duplicates"]["view"]}.items():
        if view not in views:
            raise StageError(
                expected=f"in {path}, {where}: one of {among(view, list(views))}",
                found=f"the unknown view {view!r}",
                cause="a misspelt view, or one that is missing under views",
                do=f"edit {path}",
            )
    for name, view in views.items():
        if view["crop"] and view["crop"] > view["size"]:
            raise StageError(
                expected=f"in {path}, views.{name}.crop: null or at most the size, {view['size']}",
                found=str(view["crop"]),
                cause="an image whose shorter side has fewer pixels than are to be cut from it",
                do=f"edit {path}",
            )


def _check_probe(path: Path, text: str, backbones: dict[str, Any]) -> None:
    probe = Probe.parse(text)
    backbone, layer = probe.backbone, probe.layer
    if backbone not in backbones:
        expected, found = among(backbone, list(backbones)), f"the unknown backbone {backbone!r}"
    elif layer not in backbones[backbone]["layers"]:
        layers = list(backbones[backbone]["layers"])
        expected, found = among(layer, layers), f"the unknown layer {layer!r} of {backbone}"
    else:
        return
    raise StageError(
        expected=f"in {path}, probes: {probe} to name one of {expected}",
        found=found,
        cause="a misspelt probe, or one whose layer is missing under backbones",
        do=f"edit {path}",
    )


def _lists(document: dict[str, Any]) -> list[tuple[str, list[str]]]:
    fusions = [(f"fusions.{name}", probes) for name, probes in document["fusions"].items()]
    return [*fusions, *((f"{key}.probes", document[key]["probes"]) for key in ("pca", "predict"))]


def _check_listed(path: Path, section: str, probes: list[str], listed: list[str]) -> None:
    for probe in probes:
        if probe not in listed:
            raise StageError(
                expected=f"in {path}, {section}: one of {among(probe, listed)}",
                found=f"{probe!r}, which is not under probes",
                cause="a misspelt probe, or one that was removed from probes",
                do=f"edit {path}",
            )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:60] + "…"
