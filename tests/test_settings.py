"""The settings that editors and type checkers know are those that there are."""

import inspect
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, Unpack, get_type_hints

import pytest

import unfazed
from unfazed.cli import app
from unfazed.errors import RecipeError
from unfazed.estimator import _DEFAULTS
from unfazed.recipe import Recipe, knobs
from unfazed.source import SourceOptions
from unfazed.verb.settings import RecipeSettings, Settings, TabularSettings, as_flag
from unfazed.verb.train import separated

TYPES = {setting.name: (setting.type, knob) for setting, knob in knobs()}


def expected(name: str) -> Any:
    kind, knob = TYPES[name]
    auto = ("auto",) if knob.auto else ()
    if knob.options:
        return Literal[auto + knob.options]
    return kind | Literal["auto"] if auto else kind


def test_the_fields_of_the_recipe_are_known_with_their_types() -> None:
    assert get_type_hints(RecipeSettings) == {name: expected(name) for name in TYPES}


def test_those_of_tables_are_the_parameters_of_the_estimators() -> None:
    assert get_type_hints(TabularSettings) == {name: expected(name) for name in _DEFAULTS}


def test_the_fields_of_the_source_are_known_with_their_types() -> None:
    of_source = {field.name: field.type for field in fields(SourceOptions) if field.name != "target"}
    assert get_type_hints(Settings) == get_type_hints(RecipeSettings) | of_source


@pytest.mark.parametrize("verb", [unfazed.train, unfazed.lr_find])
def test_signatures_stay_short_and_name_the_settings(verb: Any) -> None:
    settings = inspect.signature(verb).parameters["settings"]
    assert settings.kind is inspect.Parameter.VAR_KEYWORD and settings.annotation == Unpack[Settings]
    assert len(inspect.signature(verb).parameters) < 10


def test_one_message_names_every_wrong_setting_unknown_or_out_of_range() -> None:
    with pytest.raises(RecipeError) as caught:
        unfazed.train("anywhere", foo=1, epochs=-3, label_rgex="x", run_dir="runs/a")  # type: ignore[call-arg]
    for said in ("foo: no such setting.", "epochs = -3", 'Did you mean "label_regex"?', 'Did you mean "out"?'):
        assert said in str(caught.value)


def test_a_recipe_file_that_names_the_target_is_told_where_that_belongs(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('epochs = 3\ntarget = "kind"\n')
    with pytest.raises(RecipeError, match="target: no part of a recipe, but an argument or a flag of its own"):
        unfazed.train("anywhere", recipe=tmp_path / "recipe.toml")


def test_settings_override_a_recipe() -> None:
    assert separated({"epochs": 3}, Recipe(epochs=9, seed=4))[1] == Recipe(epochs=3, seed=4)


@pytest.mark.parametrize("value", [r"^(\d)_", r"-(\d+)", "--x", "-"])
def test_the_command_takes_a_setting_back_as_it_was_said(value: str) -> None:
    words = ["train", "photos", *as_flag("label_regex", value), "--merge-case"]
    _, bound, *_ = app.parse_args(words, exit_on_error=False, print_error=False)
    assert bound.arguments["options"].label_regex == value and bound.arguments["options"].merge_case
