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


def test_epochs_that_lead_held_out_by_far_are_no_part_of_the_window() -> None:
    window = Window.empty(2, 2)
    epochs = [(0.2, 0.9, 0.5), (0.4, 0.6, 0.6), (0.9, 0.9, 0.7), (0.6, 0.8, 0.7)]  # probability, accuracy, held out
    for value, accuracy, held_out in epochs:
        window = window.after(np.full((2, 2), value, np.float32), accuracy, held_out)
    assert window.epochs == 3  # the first always belongs to it; the third leads by far
    assert np.allclose(window.probs, 0.4)


def test_rows_that_were_not_trained_on_stay_unknown() -> None:
    window = Window.empty(2, 2).after(np.array([[0.1, 0.9], [np.nan, np.nan]], np.float32), 0.5, 0.5)
    assert np.isnan(window.probs[1]).all() and not np.isnan(window.probs[0]).any()
