import pytest

from stages.runtime import devices


def test_only_a_driver_makes_auto_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "DRIVERS", ("libabsent.so.1",))
    assert not devices.may_mean_gpu("auto")
    assert not devices.may_mean_gpu("cpu")
    assert devices.may_mean_gpu("cuda:1")
    monkeypatch.setattr(devices, "DRIVERS", ("libabsent.so.1", "libm.so.6"))
    assert devices.may_mean_gpu("auto")
    assert not devices.may_mean_gpu("cpu")
