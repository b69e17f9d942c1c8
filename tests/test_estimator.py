"""scikit-learn's face: its own checks, pipelines, searches, frames with categories and missing values."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from unfazed import Classifier, Regressor
from unfazed.errors import UnfazedWarning

SHORT = {"epochs": 3}


@parametrize_with_checks([Classifier(**SHORT), Regressor(**SHORT)])
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


def test_a_classifier_learns_and_says_how_sure_it_is() -> None:
    x, y = load_wine(return_X_y=True)
    names = np.array(["barolo", "grignolino", "barbera"])[y]
    model = Classifier(epochs=20).fit(x, names)
    assert list(model.classes_) == ["barbera", "barolo", "grignolino"]
    assert model.score(x, names) > 0.9
    probs = model.predict_proba(x)
    assert probs.shape == (178, 3) and np.allclose(probs.sum(1), 1)
    assert (model.classes_[probs.argmax(1)] == model.predict(x)).all()


def test_a_fitted_estimator_survives_pickle_after_it_has_predicted() -> None:
    x, y = load_wine(return_X_y=True)
    model = Classifier(epochs=3).fit(x, y)
    before = model.predict_proba(x)
    assert np.allclose(pickle.loads(pickle.dumps(model)).predict_proba(x), before)


def test_more_than_ten_classes_keep_their_order() -> None:
    generator = np.random.default_rng(0)
    y = np.repeat(np.arange(12), 25)
    x = np.stack([np.cos(y), np.sin(y), y / 6], axis=1) + 0.02 * generator.standard_normal((300, 3))
    model = Classifier(epochs=40).fit(x, y)
    assert model.score(x, y) > 0.9, "columns of predict_proba are in the order of classes_, 10 after 9"


def test_a_regressor_works_in_a_pipeline_and_a_search() -> None:
    x, y = load_diabetes(return_X_y=True)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), Regressor(epochs=8)), {"regressor__learning_rate": [1e-6, 0.003]}, cv=2
    )
    search.fit(x[:300], y[:300])
    assert search.best_params_ == {"regressor__learning_rate": 0.003}
    assert search.score(x[300:], y[300:]) > 0.2


def test_frames_bring_categories_and_missing_values() -> None:
    generator = np.random.default_rng(0)
    kind = generator.choice(["red", "blue", "green"], 200)
    size = generator.normal(size=200)
    y = np.where((kind == "red") | (size > 1), "yes", "no")
    size[::7] = np.nan
    frame = pd.DataFrame({"kind": kind, "size": size, "target": generator.normal(size=200)})
    model = Classifier(epochs=30).fit(frame, y)
    assert list(model.feature_names_in_) == ["kind", "size", "target"]
    assert model.score(frame, y) > 0.85
    same = Classifier(epochs=30).fit(pl.from_pandas(frame), y)
    assert np.allclose(same.predict_proba(frame), model.predict_proba(frame), atol=1e-5)
    with pytest.warns(UnfazedWarning, match='"kind"') as warned:
        model.predict(frame.assign(kind="violet"))
        model.score(frame.assign(kind="violet"), y)
    assert [one.filename for one in warned] == [__file__] * 2, "where people look, not where we or scikit-learn warn"


_COUNT = np.arange(60)


@pytest.mark.parametrize(
    "columns",
    [
        {"split": _COUNT % 7 * 0.5, "size": np.sin(_COUNT)},
        {"Split": np.array(["train", "test"])[_COUNT % 2], "size": np.sin(_COUNT)},
        {"when": pd.Timestamp("2026-01-01") + pd.to_timedelta(_COUNT, unit="D"), "size": np.sin(_COUNT)},
        {"count": pd.array([None, *range(59)], dtype="Int64"), "kind": pd.Categorical(_COUNT % 2)},
    ],
)
def test_frames_of_any_columns_are_learnt_from_whole(columns: dict[str, Any]) -> None:
    frame, y = pd.DataFrame(columns), _COUNT // 30
    for given in (frame, pl.from_pandas(frame)):
        model = Classifier(**SHORT).fit(given, y)
        assert len(model.predict(given)) == 60
        assert list(model.feature_names_in_) == list(columns)
        assert len(model.predictor_.preprocessor.inputs) == len(columns)


def test_columns_of_one_name_are_all_learnt_from() -> None:
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["a", "a", "a_"])
    model = Classifier(**SHORT).fit(frame, _COUNT // 30)
    assert len(model.predictor_.preprocessor.inputs) == 3 and len(model.predict(frame)) == 60


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_an_array_has_the_columns_of_the_frame_that_was_fitted() -> None:
    frame = pd.DataFrame({"size": np.sin(_COUNT), "split": np.cos(_COUNT)})
    model = Classifier(**SHORT).fit(frame, _COUNT // 30)
    assert np.allclose(model.predict_proba(frame.to_numpy()), model.predict_proba(frame))


@pytest.mark.parametrize(
    "rows, y, said",
    [(60, _COUNT[:59] % 2, "inconsistent numbers of samples"), (1, [0], "1 sample"), (60, [[0, 1]] * 60, "1d array")],
)
def test_rows_and_labels_of_a_frame_are_held_against_each_other(rows: int, y: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Regressor(**SHORT).fit(pl.DataFrame({"size": np.sin(np.arange(rows))}), y)


def test_a_frame_with_infinities_is_a_value_error() -> None:
    with pytest.raises(ValueError, match='contains infinity, in "size"'):
        Classifier(**SHORT).fit(pl.DataFrame({"size": [np.inf] + [0.5] * 59}), _COUNT % 2)


def test_parameters_are_those_of_the_recipe() -> None:
    model = Classifier(epochs=5, dropout=0.1)
    assert model.get_params()["dropout"] == 0.1 and model.get_params()["learning_rate"] == "auto"
    assert "image_size" not in model.get_params() and "test" not in model.get_params()
    assert clone(model).get_params() == model.get_params()
    assert repr(model) == "Classifier(dropout=0.1, epochs=5)"
    with pytest.raises(TypeError, match=r"no parameter 'epoch'\. Did you mean \"epochs\"\?"):
        Classifier(epoch=5)


@pytest.mark.parametrize(
    "settings, y, said",
    [
        ({"dropout": 7.0}, [0, 1] * 20, "dropout = 7.0"),
        ({}, [0] * 40, "got one class: 0$"),
        ({}, [0] * 39 + [1], "has one example"),
    ],
)
def test_what_cannot_be_fitted_is_a_value_error(settings: dict[str, Any], y: list[int], said: str) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(ValueError, match=said):
        Classifier(**settings).fit(x, y)
