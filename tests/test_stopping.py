import numpy as np

from unfazed.analysis.stopping import best_epoch, stalled
from unfazed.analysis.window import Window

NAN = float("nan")


def test_the_best_epoch_is_the_first_of_the_lowest() -> None:
    assert best_epoch([3.0, 1.0, 2.0, 1.0]) == 2
    assert best_epoch([NAN, 2.0, NAN]) == 2


def test_a_stall_is_patience_epochs_without_anything_better() -> None:
    losses = [3.0, 1.0, 2.0, 1.5, 1.2]
    assert stalled(losses, 3)
    assert not stalled(losses, 4)
    assert not stalled(losses, 0)
    assert not stalled([*losses, 0.9], 3)


def test_the_window_closes_for_good_when_training_leads_held_out() -> None:
    probs = [np.full((2, 2), value, np.float32) for value in (0.2, 0.4, 0.9, 0.5)]
    window = Window.empty(2, 2)
    for p, accuracy, held_out in zip(probs, (0.9, 0.6, 0.8, 0.1), (0.5, 0.6, 0.7, 0.7), strict=True):
        window = window.after(p, accuracy, held_out)
    assert window.closed and window.epochs == 2  # the first always joins; the third leads, the fourth comes too late
    assert np.allclose(window.probs, 0.3)


def test_rows_that_were_not_trained_on_stay_unknown() -> None:
    window = Window.empty(2, 2).after(np.array([[0.1, 0.9], [np.nan, np.nan]], np.float32), 0.5, 0.5)
    assert np.isnan(window.probs[1]).all() and not np.isnan(window.probs[0]).any()
