import pytest

from stages.core import accelerator


def test_only_a_driver_makes_auto_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerator, "DRIVERS", ("libabsent.so.1",))
    assert not accelerator.may_mean_gpu("auto")
    assert not accelerator.may_mean_gpu("cpu")
    assert accelerator.may_mean_gpu("cuda:1")
    monkeypatch.setattr(accelerator, "DRIVERS", ("libabsent.so.1", "libm.so.6"))
    assert accelerator.may_mean_gpu("auto")
    assert not accelerator.may_mean_gpu("cpu")
