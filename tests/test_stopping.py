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


def windows(epochs, examples=10**9):
    """The window after each epoch of (probability, training accuracy, best held-out accuracy)."""
    window, found = Window.empty(2, 2), []
    for value, accuracy, held_out in epochs:
        window = window.after(np.full((2, 2), value, np.float32), accuracy, held_out, examples)
        found.append(window)
    return found


def test_what_leads_the_held_out_accuracy_is_left_out() -> None:
    found = windows([(0.1, 0.5, 0.5), (0.2, 0.6, 0.6), (0.4, 0.65, 0.7), (0.9, 0.8, 0.7), (0.9, 0.9, 0.7)])[-1]
    assert found.epochs == 2
    assert np.allclose(found.probs, 0.3)


def test_what_was_ahead_of_averaged_weights_belongs_once_they_have_caught_up() -> None:
    found = windows([(0.1, 0.2, 0.1), (0.2, 0.7, 0.4), (0.4, 0.75, 0.5), (0.6, 0.75, 0.8)])
    assert [one.epochs for one in found] == [1, 1, 1, 3]
    assert np.allclose(found[2].probs, 0.1) and np.allclose(found[3].probs, 0.4)


def test_the_first_epoch_counts_only_while_there_is_no_other() -> None:
    found = windows([(0.1, 0.2, 0.5), (0.5, 0.5, 0.5)])
    assert np.allclose(found[0].probs, 0.1) and np.allclose(found[1].probs, 0.5)


def test_few_held_out_examples_leave_room_for_doubt() -> None:
    epochs = [(0.1, 0.5, 0.7), (0.2, 0.75, 0.7)]
    assert windows(epochs, examples=100)[-1].probs[0, 0] == np.float32(0.2)
    assert windows(epochs, examples=100_000)[-1].probs[0, 0] == np.float32(0.1)


def test_rows_that_were_not_trained_on_stay_unknown() -> None:
    window = Window.empty(2, 2)
    for accuracy in (0.5, 0.9, 0.5):
        window = window.after(np.array([[0.1, 0.9], [np.nan, np.nan]], np.float32), accuracy, 0.5, 1000)
        assert np.isnan(window.probs[1]).all() and not np.isnan(window.probs[0]).any()
