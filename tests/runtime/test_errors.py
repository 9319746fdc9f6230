import pickle

import pytest

from stages.runtime.errors import StageError, about, among

ERROR = StageError(expected="a\nb", found="c", cause="d", do="e")
LINE = "expected a b; found c. Likely cause: d. Next: e."


def test_an_error_is_one_line() -> None:
    assert str(ERROR) == LINE


def test_an_error_comes_whole_from_another_process() -> None:
    again = pickle.loads(pickle.dumps(ERROR))
    assert type(again) is StageError
    assert str(again) == LINE


def test_about_names_what_an_error_is_about() -> None:
    with pytest.raises(StageError) as caught, about("backbone x"):
        raise StageError(expected="a\nb", found="c", cause="d", do="e")
    assert str(caught.value) == f"backbone x: {LINE}"


def test_about_leaves_other_errors_alone() -> None:
    with pytest.raises(KeyError, match="^'a'$"), about("backbone x"):
        raise KeyError("a")


def test_among_puts_likely_names_first() -> None:
    names = [f"a{i}" for i in range(20)] + ["pool5"]
    assert among("pol5", names, limit=3) == "pool5, a0, a1, …"


def test_among_lists_each_name_once() -> None:
    assert among("pool1", ["conv1", "pool1", "pool2"]) == "pool1, pool2, conv1"
