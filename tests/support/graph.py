"""`dvc.yaml` as data."""

from typing import Any

from ruamel.yaml import YAML
from support.study import ROOT

STAGES: dict[str, Any] = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]
BODIES: dict[str, Any] = {name: stage.get("do", stage) for name, stage in STAGES.items()}
