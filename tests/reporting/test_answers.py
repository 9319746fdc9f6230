from support.results import result

from stages.reporting import answers
from stages.reporting.predictions import Outcome


def test_how_well_the_svms_fit() -> None:
    results = [result("n/a", 0.5), result("n/b", 0.75, train_accuracy=0.9, tuned_accuracy=0.99)]
    outcome = Outcome([0, 1, 2], ["a", "b", "b"], ["a", "a", "b"], [1.0, 1.0, 1.0])
    fit = answers.fit(results, outcome)
    assert (fit.fitted, fit.least, fit.most) == (1, 0.5, 0.75)
    assert fit.hardest == [("b", 0.5), ("a", 1.0)]
    assert fit.confused == [("b", "a", 0.5)]
