from stages.forecast import tell

SECONDS = {
    "download": None,
    "gram@a/1": 10.0,
    "gram@a/2": 20.0,
    "gram@a/3": None,
    "train@a/1": 200.0,
    "report": None,
}


def test_nothing_to_run() -> None:
    assert tell(set(), SECONDS) == "All 6 stages are up to date."


def test_what_runs_and_its_last_time() -> None:
    told = tell({"gram@a/1", "train@a/1"}, SECONDS)
    assert told.splitlines() == [
        "4 of 6 stages are up to date. To run: gram, train.",
        "By the last times on record, this takes 4 min.",
    ]


def test_an_unknown_time_is_that_of_its_siblings() -> None:
    assert "this takes 48 s." in tell({"gram@a/1", "gram@a/2", "gram@a/3"}, SECONDS)
    told = tell({"gram@a/3", "report"}, SECONDS)
    assert "this takes 17 s and what these take, of which no time is known: report." in told


def test_without_any_time() -> None:
    assert (
        tell({"download", "report"}, SECONDS)
        == "4 of 6 stages are up to date. To run: download, report."
    )
