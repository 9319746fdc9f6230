"""A tap: the module of a network whose output is taken, and how that output is pooled."""

from collections.abc import Mapping
from typing import NamedTuple

Entry = str | Mapping[str, str]  # in params.yaml: features.30, or {module: features.30, pool: mean}


class Tap(NamedTuple):
    """The path of a module, and the pooling, which `networks.readout` does."""

    module: str
    pool: str = "none"

    @classmethod
    def of(cls, entry: Entry) -> "Tap":
        """The tap that a layer's entry in `params.yaml` describes."""
        return cls(entry) if isinstance(entry, str) else cls(**entry)
