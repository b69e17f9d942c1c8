import copy
import itertools
from collections.abc import Iterable

import pytest
import torch
from problems import CLASSES, ROWS, Small, blobs, loader, recipe
from torch import nn

from unfazed.batch import Batch
from unfazed.criterion import Scored, cross_entropy
from unfazed.errors import TrainingError
from unfazed.loader import Loader, in_order
from unfazed.loop import Epoch, State, Step, annealed, training
from unfazed.outputs import outputs

EVERYTHING = cross_entropy(0.1)


def epochs(events: Iterable[Step | Epoch]) -> list[Epoch]:
    return [event for event in events if isinstance(event, Epoch)]


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def frozen(state: State) -> State:
    """What a checkpoint keeps of a live state."""
    return copy.deepcopy(state)


def test_nothing_happens_until_it_is_iterated() -> None:
    model = Small()
    before = copy.deepcopy(model)
    training(model, loader(), EVERYTHING, recipe())
    assert same(model, before)


def test_every_step_and_epoch_is_told_in_order() -> None:
    events = list(training(Small(), loader(), EVERYTHING, recipe(epochs=2)))
    assert [type(event).__name__ for event in events] == (["Step"] * 8 + ["Epoch"]) * 2
    assert [event.number for event in events if isinstance(event, Step)] == list(range(1, 17))


def test_it_learns() -> None:
    model = epochs(training(Small(), loader(), EVERYTHING, recipe(epochs=10)))[-1].model
    fresh = blobs()
    probs = outputs(model, in_order(fresh, torch.arange(ROWS), 64)).probs
    assert (probs.argmax(1) == fresh.y.numpy()).mean() > 0.85


@pytest.mark.parametrize("stop", [1, 7, 8, 9, 20])
@pytest.mark.parametrize("settings", [{}, {"optimizer": "sgd", "schedule": "cosine", "l1": 1e-4}])
def test_a_run_goes_on_bit_for_bit_from_any_step(stop: int, settings: dict[str, object]) -> None:
    chosen = recipe(**settings)
    whole = Small()
    told = epochs(training(whole, loader(), EVERYTHING, chosen))
    first = next(e for e in training(Small(), loader(), EVERYTHING, chosen) if isinstance(e, Step) and e.number == stop)
    resumed = Small()
    rest = epochs(training(resumed, loader(), EVERYTHING, chosen, state=frozen(first.state())))
    assert same(whole, resumed)
    assert same(told[-1].model, rest[-1].model)
    assert [event.number for event in rest] == list(range((stop - 1) // 8 + 1, 5))
    for one, other in zip(told[-len(rest) :], rest, strict=True):
        assert torch.equal(one.losses, other.losses)
        assert torch.equal(one.margins, other.margins)


def test_what_the_caller_draws_or_evaluates_changes_nothing() -> None:
    quiet, noisy = Small(), Small()
    list(training(quiet, loader(), EVERYTHING, recipe()))
    for event in training(noisy, loader(), EVERYTHING, recipe()):
        torch.rand(7)
        noisy.eval()
        if isinstance(event, Epoch):
            outputs(event.model, in_order(blobs(), torch.arange(9), 4))
    assert same(quiet, noisy)


def test_what_is_drawn_in_training_does_not_change_what_the_caller_draws() -> None:
    model = Small()
    torch.manual_seed(1)
    expected = torch.rand(7)
    torch.manual_seed(1)
    list(training(model, loader(), EVERYTHING, recipe()))
    assert torch.equal(torch.rand(7), expected)


def test_micro_batches_give_the_result_of_whole_batches() -> None:
    whole, parts = Small(dropout=0, norm=False), Small(dropout=0, norm=False)
    list(training(whole, loader(), EVERYTHING, recipe()))
    list(training(parts, loader(), EVERYTHING, recipe(micro_batch_size=5)))
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_weight_of_zero_is_absence() -> None:
    examples = blobs()
    kept = torch.arange(ROWS) % 3 > 0

    class Without:
        """The same batches, less the rows of no weight."""

        rows = ROWS

        def __len__(self) -> int:
            return len(loader())

        def epoch(self, number: int, skip: int = 0, scale: float = 1.0) -> Iterable[Batch]:
            for batch in loader(examples).epoch(number, skip, scale):
                yield Batch(*(column[kept[batch.index]] for column in batch))

    weighted, without = Small(dropout=0, norm=False), Small(dropout=0, norm=False)
    list(training(weighted, loader(examples._replace(weight=kept.float())), EVERYTHING, recipe()))
    list(training(without, Without(), EVERYTHING, recipe()))
    for one, other in zip(weighted.parameters(), without.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_dynamics_are_of_the_original_label_and_only_of_rows_served() -> None:
    served = torch.arange(0, ROWS, 2)
    seen: dict[int, tuple[float, float]] = {}

    def watching(model: nn.Module, batch: Batch) -> Scored:
        scored = EVERYTHING(model, batch)
        logs = scored.output.detach().log_softmax(1)
        for row, y, one, logits in zip(batch.index, batch.y, logs, scored.output.detach(), strict=True):
            others = [logits[k].item() for k in range(CLASSES) if k != y]
            seen[int(row)] = (-one[y].item(), logits[y].item() - max(others))
        return scored

    last = epochs(training(Small(), loader(rows=served), watching, recipe(epochs=1)))[0]
    assert last.losses.isnan().nonzero().flatten().tolist() == [row for row in range(ROWS) if row % 2]
    for row, (loss, margin) in seen.items():
        assert last.losses[row].item() == pytest.approx(loss, abs=1e-5)
        assert last.margins[row].item() == pytest.approx(margin, abs=1e-5)
    assert torch.allclose(last.probs[served].sum(1), torch.ones(len(served)), atol=1e-5)


def test_the_same_seed_gives_the_same_dynamics_and_another_does_not() -> None:
    def losses(seed: int) -> torch.Tensor:
        return torch.stack([e.losses for e in epochs(training(Small(), loader(), EVERYTHING, recipe(seed=seed)))])

    assert torch.equal(losses(1), losses(1))
    assert not torch.equal(losses(1), losses(2))


def test_frozen_parameters_stay_and_unfreezing_trains_them() -> None:
    model = Small()
    before = model.body[0].weight.clone()
    model.body.requires_grad_(False)
    list(training(model, loader(), EVERYTHING, recipe(epochs=1)))
    assert torch.equal(model.body[0].weight, before)
    model.body.requires_grad_(True)
    list(training(model, loader(), EVERYTHING, recipe(epochs=1)))
    assert not torch.equal(model.body[0].weight, before)


def test_averaged_weights_differ_from_the_last_and_can_be_left_out() -> None:
    model = Small()
    assert not same(epochs(training(model, loader(), EVERYTHING, recipe(ema=0.2)))[-1].model, model)
    assert epochs(training(model, loader(), EVERYTHING, recipe(ema=0.0)))[-1].model is model


def test_annealing_ends_the_run_early_at_a_rate_near_zero() -> None:
    chosen = recipe(epochs=20, schedule="one-cycle")
    state, model = None, Small()
    for event in training(model, loader(), EVERYTHING, chosen):
        if isinstance(event, Epoch) and event.number == 8:
            state = event.state()
            break
    assert state is not None
    rest = list(training(model, loader(), EVERYTHING, chosen, state=annealed(state, chosen)))
    rates = [event.learning_rate for event in rest if isinstance(event, Step)]
    assert epochs(rest)[-1].number == 8 + 5
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.05 * rates[0]
    once = annealed(state, chosen)
    assert annealed(once, chosen) == once


def test_a_loss_that_is_no_number_ends_the_training_with_advice() -> None:
    def broken(model: nn.Module, batch: Batch) -> Scored:
        scored = EVERYTHING(model, batch)
        return scored._replace(loss=scored.loss * torch.nan)

    with pytest.raises(TrainingError, match="Try a tenth"):
        list(training(Small(), loader(), broken, recipe()))


def test_weight_decay_and_l1_leave_norms_and_biases_alone() -> None:
    def nothing(model: nn.Module, batch: Batch) -> Scored:
        output = model(batch.x)
        return Scored((0 * output).sum(1), output)

    for settings in ({"weight_decay": 5.0}, {"l1": 0.5, "weight_decay": 0.0}):
        model = Small()
        nn.init.constant_(model.body[0].bias, 0.3)
        before = copy.deepcopy(model)
        list(training(model, loader(), nothing, recipe(epochs=2, clip=0.0, **settings)))
        assert model.body[0].weight.abs().sum() < 0.99 * before.body[0].weight.abs().sum()
        assert torch.equal(model.body[0].bias, before.body[0].bias)
        assert torch.equal(model.body[1].weight, before.body[1].weight)


def test_l1_leaves_gradients_that_nothing_can_be_traced_back_from() -> None:
    model = Small()
    for _ in itertools.islice(training(model, loader(), EVERYTHING, recipe(l1=1e-4)), 1):
        gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
        assert gradients and not any(gradient.requires_grad for gradient in gradients)


def test_leaving_the_loop_stops_the_training() -> None:
    steps = list(itertools.islice(training(Small(), loader(), EVERYTHING, recipe()), 3))
    assert [event.number for event in steps] == [1, 2, 3]


def test_images_grow_while_it_trains_and_it_goes_on_from_the_middle_of_their_growth() -> None:
    def growing() -> Loader:
        plain = loader()
        shrink = lambda x, scale: x * torch.where(torch.arange(x.shape[1]) < scale * x.shape[1], 1.0, 0.0)  # noqa: E731
        return Loader(plain.examples, plain.index, plain.batch_size, augment=plain.augment, shrink=shrink)

    seen: list[int] = []

    def watching(model: nn.Module, batch: Batch) -> Scored:
        seen.append(int((batch.x != 0).any(0).sum()))
        return EVERYTHING(model, batch)

    chosen, whole, resumed = recipe(epochs=5, start_size=0.5), Small(), Small()
    list(training(whole, growing(), watching, chosen))
    assert [seen[step] for step in (0, 8, 16, 24, 32)] == [8, 9, 11, 12, 12]
    first = next(e for e in training(Small(), growing(), EVERYTHING, chosen) if isinstance(e, Step) and e.number == 11)
    list(training(resumed, growing(), EVERYTHING, chosen, state=frozen(first.state())))
    assert same(whole, resumed)
