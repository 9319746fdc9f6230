import pytest

from stages.runtime.probe import Probe


@pytest.mark.parametrize("text", ["vgg16/pool5", "fusion/networks", "a/b.c-d"])
def test_a_probe_is_written_as_it_is_parsed(text: str) -> None:
    assert str(Probe.parse(text)) == text


def test_a_probe_has_a_backbone_and_a_layer() -> None:
    assert Probe.parse("vgg16/pool5") == Probe("vgg16", "pool5")


def test_only_fusions_are_fused() -> None:
    assert Probe.parse("fusion/networks").fused
    assert not Probe.parse("vgg16/fusion").fused


def test_probes_are_told_apart_and_sorted() -> None:
    probes = [Probe("b", "a"), Probe("a", "b"), Probe("a", "a")]
    assert [str(probe) for probe in sorted(set(probes + probes))] == ["a/a", "a/b", "b/a"]
