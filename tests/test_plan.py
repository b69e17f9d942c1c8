"""What is planned before training, and what it is believed to cost."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from unfazed.modality.tabular import MODALITY
from unfazed.recipe import Recipe
from unfazed.samples import local
from unfazed.source import SourceOptions
from unfazed.verb import examine
from unfazed.verb.plan import Plan, plan, simple_models
from unfazed.verb.prepare import Prepared, prepare


def test_the_first_weights_hang_on_the_recipe_alone_and_leave_the_callers_draws_alone() -> None:
    prepared = list(prepare(local("sample:wine"), SourceOptions(), Recipe(), MODALITY))[-1]
    assert isinstance(prepared, Prepared)
    torch.manual_seed(1)
    expected = torch.rand(7)
    torch.manual_seed(1)
    one, other = (plan(prepared, Recipe(seed=5), torch.device("cpu")).model.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(torch.rand(7), expected)


@pytest.mark.parametrize(("width", "plans"), [(32, 1), (8, 2)])
def test_the_network_is_laid_out_again_only_where_the_usual_one_is_another(
    width: int, plans: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def planning(prepared: object, recipe: Recipe, device: object) -> Plan:
        recipe = recipe.resolved(width=32, learning_rate=0.01, epochs=9)
        made.append(SimpleNamespace(arguments={"width": recipe.width}))
        return Plan(recipe, made[-1], "", "", None)  # type: ignore[arg-type]

    monkeypatch.setattr(examine, "plan", planning)
    run: Any = planning(None, Recipe(width=width, learning_rate=0.1, epochs=3), None)
    made.clear()
    usual = examine._usual(None, run, torch.device("cpu"))  # type: ignore[arg-type]
    assert (usual.recipe.width, usual.recipe.learning_rate, usual.recipe.epochs) == (32, 0.01, 9)
    assert usual.model is made[-1] and len(made) == plans
    assert made[-1].arguments == {"width": width}, "it starts as the run's own did"


def test_simple_models_of_texts_take_longer_the_more_classes_there_are() -> None:
    few, many = (simple_models("text", 20_000, classes) for classes in (2, 1000))
    assert few < 30 < 200 < many < 1200
    assert simple_models("text", 500_000, 1000) - simple_models("text", 500_000, 2) == pytest.approx(many - few)
    assert simple_models("image", 20_000, 1000) == simple_models("image", 20_000, 2)
