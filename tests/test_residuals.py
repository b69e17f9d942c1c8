"""Numbers far from what is predicted, by the measure of their neighbours."""

import numpy as np
import pytest

from unfazed.analysis.residuals import number_issues


@pytest.mark.parametrize("unit", [1.0, 1e-15])
def test_the_unit_of_the_target_changes_no_residual(unit: float) -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((120, 2))
    targets, trained = 3 * x[:, 1] + generator.standard_normal(120), np.arange(120) < 80
    found = number_issues(unit * targets, unit * 3 * x[:, 1], x, trained).scores["residual"]
    assert np.allclose(found, number_issues(targets, 3 * x[:, 1], x, trained).scores["residual"])


def test_where_most_predictions_are_exact_the_others_are_ranked_in_any_unit() -> None:
    x = np.random.default_rng(0).standard_normal((120, 2))
    off, trained = np.where(np.arange(120) % 3, 0.0, np.linspace(0.1, 1, 120)), np.arange(120) < 80
    found = [number_issues(unit * x[:, 0], unit * (x[:, 0] + off), x, trained).scores["residual"] for unit in (1, 1e3)]
    assert np.allclose(*found) and (found[0][off > 0] < 0).all() and not found[0][off == 0].any()
