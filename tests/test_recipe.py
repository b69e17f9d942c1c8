import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from unfazed.errors import RecipeError
from unfazed.recipe import AUTO, Recipe, allowed, knobs, parsed, read_recipe, recipe_from, written
from unfazed.verb.kinds import lasting


def test_every_field_says_what_it_is() -> None:
    for setting, knob in knobs():
        assert knob.doc, setting.name
        free = setting.type is str and knob.unit
        assert knob.options or free or (knob.low is not None and knob.high is not None), setting.name
        if knob.search:
            assert knob.low is not None and knob.high is not None
            assert knob.low <= knob.search[0] < knob.search[1] <= knob.high


def test_defaults_are_allowed_and_search_ranges_can_be_sampled() -> None:
    Recipe()
    for setting, knob in knobs():
        for end in knob.search or ():
            Recipe(**{setting.name: setting.type(end)})  # type: ignore[operator]


def test_one_message_names_every_bad_field_and_the_near_names() -> None:
    with pytest.raises(RecipeError) as caught:
        recipe_from({"learning_rat": 0.1, "epochs": 0, "dropout": 2.0, "optimizer": "admw", "flip": 3, "test": 0.8,
                     "validation": 0.2})
    said = str(caught.value)
    for expected in (
        'learning_rat: no such setting. Did you mean "learning_rate"?',
        "epochs = 0",
        "dropout = 2.0",
        'Did you mean "adamw"?',
        "flip = 3",
        "validation + test = 1: leave at least 0.1",
    ):
        assert expected in said


def test_numbers_of_numpy_are_numbers() -> None:
    settings: dict[str, Any] = {
        "epochs": np.int64(3), "learning_rate": np.float32(0.5), "optimizer": np.str_("sgd"), "seed": np.array(7),
    }  # fmt: skip
    for recipe in (recipe_from(settings), Recipe(**settings)):
        assert [type(value) for name, value in vars(recipe).items() if name in settings] == [int, float, str, int]
    assert tomllib.loads(written(recipe))["epochs"] == 3


@pytest.mark.parametrize("name", ["epochs", "flip", "columns", "precision"])
def test_arrays_are_no_settings(name: str) -> None:
    with pytest.raises(RecipeError, match=rf"{name} = array\(\[1, 2\]\): wants"):
        Recipe(**{name: np.array([1, 2])})  # type: ignore[arg-type]


def test_flags_are_parsed_but_judged_with_the_rest() -> None:
    assert parsed("epochs", "12") == 12 and parsed("learning_rate", "1e-3") == 1e-3
    assert [parsed("epochs", text) for text in ("2.9", "auto", "many")] == ["2.9", "auto", "many"]
    with pytest.raises(RecipeError, match="epochs = '2.9'"):
        recipe_from({"epochs": parsed("epochs", "2.9")})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", True),
        ("epochs", 2.5),
        ("epochs", "many"),
        ("learning_rate", float("nan")),
        ("learning_rate", "0.1"),
        ("momentum", AUTO),
        ("seed", -1),
        ("schedule", "cosin"),
        ("momentum", 1.0),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(RecipeError, match=name):
        recipe_from({name: value})


def test_validation_and_test_leave_something_to_train_on() -> None:
    with pytest.raises(RecipeError, match="leave"):
        Recipe(validation=0.5, test=0.5)


def test_auto_is_resolved_and_the_users_choice_stays() -> None:
    resolved = Recipe(epochs=3).resolved(epochs=99, batch_size=32)
    assert (resolved.epochs, resolved.batch_size, resolved.width) == (3, 32, AUTO)


def test_toml_round_trip_keeps_every_field_and_says_what_it_is(tmp_path: Path) -> None:
    recipe = Recipe(epochs=7, learning_rate=0.003, flip="both", seed=5)
    (tmp_path / "recipe.toml").write_text(written(recipe))
    assert recipe_from(read_recipe(tmp_path / "recipe.toml")) == recipe
    lines = written(recipe).splitlines()
    assert len(lines) == len(dataclasses.fields(Recipe))
    assert all("#" in line for line in lines)


@pytest.mark.parametrize("content", [b"epochs = ", b"\xff\xfe\x00"])
def test_a_damaged_recipe_file_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.toml").write_bytes(content)
    with pytest.raises(RecipeError, match="not TOML"):
        read_recipe(tmp_path / "bad.toml")
    with pytest.raises(RecipeError, match="No such file"):
        read_recipe(tmp_path / "missing.toml")


def test_a_recipe_that_is_no_path_is_told_where_settings_go() -> None:
    with pytest.raises(RecipeError, match="got dict. Single settings are keyword arguments"):
        read_recipe({"epochs": 3})  # type: ignore[arg-type]


def test_a_recipe_with_sections_is_told_to_go_without(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("seed = 1\n[recipe]\nepochs = 3\n[training.more]\n")
    with pytest.raises(RecipeError, match=r"has sections \(\[recipe\], \[training\]\).*top level: remove the lines"):
        read_recipe(path)


def test_what_is_allowed_reads_as_words() -> None:
    said = {setting.name: allowed(knob) for setting, knob in knobs()}
    assert said["schedule"] == "one-cycle, cosine, triangular, step, constant"
    assert said["epochs"] == "1 to 100,000 epochs, or auto"
    assert said["learning_rate"] == "1e-08 to 100 per step, or auto"


def test_more_steps_than_epochs_allow_are_refused_as_steps() -> None:
    assert lasting(Recipe(steps=4_000), 1000, 50, 9).epochs == 200
    with pytest.raises(RecipeError, match=r"^steps = 9000000: wants 2,000,000 at most, .* epochs of 20 batches"):
        lasting(Recipe(steps=9_000_000), 1000, 50, 9)
    assert lasting(Recipe(steps=9_000_000, epochs=7), 1000, 50, 9).epochs == 7
