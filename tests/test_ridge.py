"""Simple models that judge each row without its label."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import Ridge

from unfazed.analysis import ridge
from unfazed.analysis.random_features import BEND, fourier_features, patch_features
from unfazed.analysis.ridge import Labels, leave_one_out, out_of_fold


def clusters(n: int, noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points around three centres, their classes, and labels of which a share is wrong."""
    generator = np.random.default_rng(seed)
    true = generator.integers(0, 3, n)
    x = 3 * np.eye(3, 5)[true] + generator.normal(size=(n, 5))
    y = true.copy()
    wrong = generator.permutation(n)[: round(noise * n)]
    y[wrong] = (y[wrong] + generator.integers(1, 3, len(wrong))) % 3
    return x.astype(np.float32), true, y


def test_a_row_is_predicted_as_by_a_fit_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "PENALTIES", (0.7,))
    x, _, y = clusters(40)
    unit = x / np.sqrt(((x - x.mean(0)) ** 2).sum(1).mean())
    expected = np.empty((40, 3))
    for row in range(40):
        others = np.arange(40) != row
        expected[row] = Ridge(0.7).fit(unit[others], np.eye(3)[y[others]]).predict(unit[row : row + 1])[0]
    found = leave_one_out(lambda rows: x[rows], of_classes(y, 3), seed=0)
    assert found == pytest.approx(expected, abs=1e-3)


def of_classes(y: np.ndarray, classes: int) -> Labels:
    """Labels that are classes, -1 = none."""
    return Labels(len(y), np.flatnonzero(y >= 0), lambda rows: np.eye(classes, dtype=np.float32)[y[rows]])


@pytest.mark.parametrize("sparse", [False, True])
def test_what_is_said_of_a_row_does_not_depend_on_its_label(sparse: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ridge, "PENALTIES", (1.0,))
    monkeypatch.setattr(ridge, "PENALTIES_BY_FOLDS", (1.0,))
    x, _, y = clusters(60)
    judge, inputs = (out_of_fold, csr_matrix(x)) if sparse else (leave_one_out, x)
    before = judge(lambda rows: inputs[rows], of_classes(y, 3), seed=0)
    changed = np.where(np.arange(60) == 7, (y + 1) % 3, y)
    after = judge(lambda rows: inputs[rows], of_classes(changed, 3), seed=0)
    assert after[7] == pytest.approx(before[7], abs=1e-4)
    assert not np.allclose(after, before, atol=1e-4)


@pytest.mark.parametrize("sparse", [False, True])
def test_wrong_labels_are_seen_through(sparse: bool) -> None:
    x, true, y = clusters(600, noise=0.2)
    judge, inputs = (out_of_fold, csr_matrix(x)) if sparse else (leave_one_out, x)
    probs = judge(lambda rows: inputs[rows], of_classes(y, 3), seed=0)
    assert probs.sum(1) == pytest.approx(1, abs=0.03)
    assert (probs.argmax(1) == true).mean() > 0.93


@pytest.mark.parametrize("sparse", [False, True])
def test_rows_beyond_those_fitted_to_and_those_without_a_label_are_predicted(
    sparse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ridge, "ROWS", 100)
    monkeypatch.setattr(ridge, "BLOCK", 64)
    x, true, y = clusters(500)
    y[::10] = -1
    judge, inputs = (out_of_fold, csr_matrix(x)) if sparse else (leave_one_out, x)
    probs = judge(lambda rows: inputs[rows], of_classes(y, 3), seed=0)
    assert (probs.argmax(1) == true)[::10].mean() > 0.85 and (probs.argmax(1) == true).mean() > 0.9


def test_of_many_classes_the_commonest_choose_the_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    columns, fit = [], ridge._sparse_fit

    def counting(inputs, indicators, penalty):
        columns.append(indicators.shape[1])
        return fit(inputs, indicators, penalty)

    monkeypatch.setattr(ridge, "_sparse_fit", counting)
    y = np.arange(300) % 20
    x = csr_matrix(np.eye(20, dtype=np.float32)[y])
    probs = out_of_fold(lambda rows: x[rows], of_classes(y, 20), seed=0)
    assert (probs.argmax(1) == y).all()
    assert sorted(columns) == [ridge.CHOOSING] * 15 + [20] * 5


@pytest.mark.parametrize("judge", [leave_one_out, out_of_fold])
def test_few_rows_one_class_and_constant_features_are_no_error(judge) -> None:
    for n, classes in ((1, 2), (3, 2), (12, 1)):
        x = np.ones((n, 2), np.float32)
        inputs = csr_matrix(x) if judge is out_of_fold else x
        probs = judge(lambda rows, inputs=inputs: inputs[rows], of_classes(np.arange(n) % classes, classes), seed=0)
        assert probs.shape == (n, classes) and np.isfinite(probs).all()


def test_products_of_waves_are_a_gaussian_of_the_distance() -> None:
    x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    waves = fourier_features(x, seed=0)(x)
    distances = ((x[:, None] - x) ** 2).sum(-1)
    expected = np.exp(-BEND * distances / np.median(distances))
    assert np.abs(2 * waves @ waves.T / waves.shape[1] - expected).mean() < 0.04


def test_waves_tell_what_no_line_does() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (600, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    waves = fourier_features(x, seed=0)
    straight = leave_one_out(lambda rows: x[rows], of_classes(y, 2), seed=0)
    bent = leave_one_out(lambda rows: waves(x[rows]), of_classes(y, 2), seed=0)
    assert (straight.argmax(1) == y).mean() < 0.65 < 0.93 < (bent.argmax(1) == y).mean()


def striped(n: int, side: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Stripes across or down, at any place: no pixel tells which."""
    generator = np.random.default_rng(0)
    y = np.arange(n) % 2
    wave = 60 * np.sin(2 * np.pi * (np.arange(side)[None] / 6 + generator.random((n, 1))))
    images = np.where((y == 0)[:, None, None], wave[:, None, :], wave[:, :, None])
    noisy = 128 + images[:, None] + generator.normal(0, 10, (n, 3, side, side))
    return np.clip(noisy, 0, 255).astype(np.uint8), y


def test_patches_tell_textures_that_no_pixel_does() -> None:
    x, y = striped(120)
    patches = patch_features(x, seed=0)
    by_patches = leave_one_out(lambda rows: patches(x[rows]), of_classes(y, 2), seed=0)
    by_pixels = leave_one_out(lambda rows: x[rows].reshape(len(rows), -1).astype(np.float32), of_classes(y, 2), seed=0)
    assert (by_pixels.argmax(1) == y).mean() < 0.8 < 0.98 < (by_patches.argmax(1) == y).mean()


def test_brightness_says_nothing_of_a_patch() -> None:
    x = np.random.default_rng(0).integers(0, 100, (20, 3, 16, 16)).astype(np.uint8)
    patches = patch_features(x, seed=0)
    assert patches(x + 120) == pytest.approx(patches(x), abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (8, 8), (50, 20)])
def test_images_of_any_size_have_patches(shape: tuple[int, int]) -> None:
    x = np.random.default_rng(0).integers(0, 255, (9, 3, *shape)).astype(np.uint8)
    found = patch_features(x, seed=0)(x)
    assert len(found) == 9 and np.isfinite(found).all()
