"""Sets of labels in which something is wrong."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unfazed.analysis import set_issues as module
from unfazed.analysis.set_issues import set_issues

CENTRES = 5 * np.eye(5, 8)


def made(n: int = 1500, missing: float = 0.0, extra: float = 0.0, seed: int = 0) -> dict[str, np.ndarray]:
    """Examples with 5 labels of which about 1 in 4 is in a set, some forgotten, some set by mistake; and what a model
    that is right most of the time says of them."""
    generator = np.random.default_rng(seed)
    true = generator.random((n, 5)) < 0.25
    flip = generator.random((n, 5)) < np.where(true, missing, extra)
    embeddings = true @ CENTRES + generator.normal(size=(n, 8))
    seen = 6 * (true - 0.5) + generator.normal(size=(n, 5), scale=1.2)
    logits = 6 * seen / 1.2**2 + np.log(0.25 / 0.75)
    return {
        "true": true,
        "y": (true ^ flip).astype(np.float32),
        "probs": (1 / (1 + np.exp(-logits))).astype(np.float32),
        "embeddings": embeddings.astype(np.float32),
        "split": generator.choice(3, n, p=[0.7, 0.1, 0.2]),
    }


def audit(data: dict[str, np.ndarray], **changed: np.ndarray) -> module.LabelIssues:
    return set_issues(*({**data, **changed}[name] for name in ("y", "probs", "embeddings", "split")))


def test_sets_with_a_mistake_come_first_and_are_counted() -> None:
    data = made(missing=0.15, extra=0.03)
    found = audit(data)
    wrong = (data["y"] != data["true"]).any(1)
    assert sorted(found.order) == list(range(1500))
    assert roc_auc_score(wrong, found.error_probability) > 0.97
    assert (np.diff(found.error_probability[found.order]) <= 0).all()
    assert found.count.n == 1500 and found.count.value == pytest.approx(wrong.sum(), rel=0.25)


def test_the_interval_of_the_count_holds_the_true_number() -> None:
    held = []
    for seed in range(4):
        data = made(missing=0.15, extra=0.03, seed=seed)
        count = audit(data).count
        held.append(count.low <= (data["y"] != data["true"]).any(1).sum() <= count.high)
    assert sum(held) >= 3  # of 95 % intervals one may miss


def test_a_set_is_as_doubtful_as_its_own_labels_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, judged = [], module.judged
    monkeypatch.setattr(module, "judged", lambda *arguments: kept.append(judged(*arguments)) or kept[0])
    found = audit(made(missing=0.15, extra=0.03))
    own = kept[0].error_probability
    assert (np.diff(own[kept[0].order]) > 0).any()  # not dealt out along an order that does not rest on them alone
    assert np.allclose(found.error_probability, 1 - np.prod(1 - own.reshape(-1, 5), axis=1))


def test_what_is_suggested_is_the_true_set_of_most_wrong_ones() -> None:
    data = made(missing=0.15, extra=0.03)
    found, wrong = audit(data), (data["y"] != data["true"]).any(1)
    assert (found.suggested != data["y"]).any(1).all()  # another set than the given one, always
    assert (found.suggested == data["true"]).all(1)[wrong].mean() > 0.85


def test_right_sets_are_left_alone() -> None:
    found = audit(made())
    assert found.count.value < 15 and (found.error_probability > 0.5).sum() < 5


def test_the_scores_are_those_of_the_most_doubtful_label() -> None:
    data = made(n=400)
    data["y"][7] = data["true"][7]
    data["y"][7, 3] = 1 - data["y"][7, 3]
    found = audit(data)
    assert found.suggested[7].tolist() == data["true"][7].tolist()
    assert found.scores["margin"][7] < 0 and found.scores["agreement"][7] < 0.5


def test_examples_without_a_set_are_never_issues() -> None:
    data = made(n=300, missing=0.1)
    data["y"][::3] = np.nan
    found = audit(data)
    assert len(found.order) == 200 and not set(found.order) & set(range(0, 300, 3))
    assert np.isnan(found.error_probability[::3]).all() and found.count.n == 200


def test_a_simple_model_is_heard() -> None:
    data = made(missing=0.2)
    wrong = (data["y"] != data["true"]).any(1)
    by_heart = np.random.default_rng(1).random(data["y"].shape) < 0.2  # has begun to believe the given labels
    poor = np.where(by_heart, 0.2 + 0.6 * data["y"], data["probs"])
    simple = np.where(data["true"], 0.9, 0.1).astype(np.float32)
    alone, heard = (set_issues(data["y"], poor, data["embeddings"], data["split"], one) for one in (None, simple))
    assert "simple" in heard.scores and "simple" not in alone.scores
    assert roc_auc_score(wrong, heard.error_probability) > roc_auc_score(wrong, alone.error_probability)


@pytest.mark.parametrize(("n", "labels"), [(1, 1), (2, 3), (30, 1)])
def test_few_examples_or_labels_are_no_error(n: int, labels: int) -> None:
    generator = np.random.default_rng(0)
    y = (generator.random((n, labels)) < 0.5).astype(np.float32)
    found = set_issues(y, generator.random((n, labels)), generator.random((n, 4)), np.zeros(n, np.int64))
    assert len(found.order) == n and found.suggested.shape == (n, labels)
    assert np.isfinite(found.error_probability).all() and 0 <= found.count.low <= found.count.high <= n


def test_what_little_doubt_is_left_of_many_labels_does_not_add_up() -> None:
    generator = np.random.default_rng(0)
    true = generator.random((600, 300)) < 0.02
    seen = 6 * (true - 0.5) + generator.normal(size=true.shape, scale=1.2)
    probs = 1 / (1 + np.exp(-6 * seen / 1.2**2 - np.log(0.02 / 0.98)))
    split = generator.choice(3, 600, p=[0.6, 0.2, 0.2])
    found = set_issues(true.astype(np.float32), probs, generator.normal(size=(600, 8)), split)
    assert found.count.value < 3 and (found.error_probability >= 0.1).sum() <= 2


def test_few_held_out_sets_are_judged_with_the_others() -> None:
    data = made(n=300, missing=0.15)
    split = np.zeros(300, np.int64)
    split[:8] = 2  # 40 yeses and noes, of 8 sets
    few, none = audit(data, split=split), audit(data, split=np.zeros(300, np.int64))
    assert few.count.value == pytest.approx(none.count.value, rel=0.2)
    assert few.count.high - few.count.low < 100
