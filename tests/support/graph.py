"""`dvc.yaml` as data."""

import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from support.study import ROOT

STAGES: dict[str, Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
BODIES: dict[str, Any] = {name: stage.get("do", stage) for name, stage in STAGES.items()}


def filled(text: str, names: Mapping[str, Any]) -> str:
    """`text` with ${key}, ${item}, ${item.view} and ${item[i]} filled in, as DVC does it."""

    def value(match: re.Match[str]) -> str:
        name, index = match[1], match[2]
        return str(names[name] if index is None else names[name][int(index)])

    return re.sub(r"\$\{([\w.]+)(?:\[(-?\d+)\])?\}", value, text)
