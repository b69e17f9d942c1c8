"""What training leaves behind at the end of each epoch: its facts, the dynamics so far, the best weights.

Axis letters: N rows of the table, K classes, E epochs.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unfazed.analysis.errors import errors
from unfazed.analysis.stopping import best_epoch
from unfazed.analysis.surprise import BITS_PER_NAT, set_surprise, surprise
from unfazed.analysis.window import Window
from unfazed.checkpoint import save
from unfazed.errors import TrainingError
from unfazed.loader import for_evaluation
from unfazed.loop import Epoch, State, Step
from unfazed.outputs import outputs
from unfazed.processes import ALONE, Processes
from unfazed.recipe import SKILLS, Recipe
from unfazed.run import Run
from unfazed.target import outputs_of
from unfazed.verb.prepare import Prepared

LARGEST = torch.finfo(torch.float16).max  # loss that is kept: one beyond it would become infinite
OFTEN = 100  # epochs after each of which the dynamics are written; after so many more only every second, third, …
RATES_KEPT = 16  # learning rates recorded an epoch, for the picture of the schedule


class Record:
    """Writes what each epoch brought: its facts, the dynamics so far, and the weights when they are the best so far."""

    def __init__(self, run: Run, prepared: Prepared, recipe: Recipe, processes: Processes = ALONE):
        self.run, self.prepared, self.recipe, self.processes = run, prepared, recipe, processes
        self.train_rows = prepared.table.rows("train")
        self.validation_rows = torch.from_numpy(prepared.table.rows("validation"))
        self.lines: list[dict[str, Any]] = []
        self.losses: list[NDArray[np.float16]] = []
        self.margins: list[NDArray[np.float16]] = []
        self.window = Window.empty(len(prepared.table), outputs_of(prepared.table, recipe.loss))
        self.rates: list[float] = []
        self.started = self.saved = time.perf_counter()
        self.saving = 0.0  # seconds that keeping the state took
        self.elapsed = 0.0  # seconds of the epoch that was under way when a state was kept
        self.last_step = 0
        self.written = 0  # epochs whose dynamics are in the run

    @property
    def age(self) -> float:
        """Seconds since the state was last kept."""
        return time.perf_counter() - self.saved

    def save(self, state: Callable[[], State]) -> None:
        """Keep what is needed to go on from `state`."""
        record = {
            "lines": self.lines,
            "losses": self.losses,
            "margins": self.margins,
            "window": vars(self.window),
            "rates": self.rates,
            "elapsed": time.perf_counter() - self.started,
        }
        began = time.perf_counter()
        save(self.run, {"loop": state(), "record": record})
        self.saved = time.perf_counter()
        self.saving = self.saved - began

    def restore(self, kept: Mapping[str, Any]) -> State:
        """Take up what `save` kept and write the run's files as they were then; the state of the loop."""
        record = kept["record"]
        self.lines, self.rates = list(record["lines"]), list(record["rates"])
        self.losses, self.margins = list(record["losses"]), list(record["margins"])
        self.window = Window(**record["window"])
        self.elapsed = record["elapsed"]
        if self.lines:
            self._write_dynamics()
            self.run.write_epochs(self.lines)
        else:
            for name in ("epochs.jsonl", "dynamics.npz", "model.safetensors"):  # of epochs that will be made again
                (self.run.path / name).unlink(missing_ok=True)
        state: State = kept["loop"]
        self.last_step = state["step"]
        return state

    def restart_clock(self) -> None:
        """Training begins, or goes on, now."""
        self.saved = time.perf_counter()
        self.started = self.saved - self.elapsed

    def at_end_of_epoch(self, step: int) -> bool:
        """Whether `step` is the one after which the last epoch was recorded."""
        return bool(self.lines) and self.lines[-1]["step"] == step

    @property
    def validation_losses(self) -> list[float]:
        """What training minimises, on the validation rows, of each epoch; nats."""
        return [line["validation"]["loss"] for line in self.lines]

    def step(self, step: Step) -> None:
        """Note the learning rate."""
        self.rates.append(step.learning_rate)
        self.last_step = step.number

    def epoch(self, epoch: Epoch) -> dict[str, Any]:
        """Validate, then write; the epoch's line of `epochs.jsonl`, which is written last."""
        probs = epoch.probs.cpu().numpy()
        served = self.train_rows[~np.isnan(probs[self.train_rows, 0])]  # not all, where the run ends within a pass
        trained, validated = self._measured(served, probs[served]), self._validated(epoch)
        if self.prepared.scale is None:  # as it was trained, each before its update
            trained = {**trained, "log_loss": float(np.nanmean(epoch.losses.cpu().numpy()))}
            del trained["loss"]
        best = max(_skill(line["validation"]) for line in [*self.lines, {"validation": validated}])
        if len(served) == len(self.train_rows) or not self.lines:
            self.window = self.window.after(probs, _skill(trained), best)
        self.losses.append(epoch.losses.clamp_max(LARGEST).half().cpu().numpy())
        self.margins.append(epoch.margins.half().cpu().numpy())
        losses = [*self.validation_losses, validated["loss"]]
        line = self._line(epoch.number, trained, validated, len(served))
        line["best"] = best_epoch(losses) == len(losses)
        if line["best"]:
            self.run.write_weights(epoch.model.state_dict())
            for earlier in self.lines:
                earlier["best"] = False
        self.lines.append(line)
        if len(self.lines) % (1 + len(self.lines) // OFTEN) == 0:
            self._write_dynamics()
        self.run.write_epochs(self.lines)
        return line

    def complete(self) -> None:
        """Write what is not yet written, once no epoch follows."""
        if self.written < len(self.lines):
            self._write_dynamics()

    def validation_probs(self, model: torch.nn.Module) -> NDArray[np.float32]:
        """Probabilities of the validation rows [n, K]; each process scores its part, a joint call."""
        rows = self.validation_rows
        processes = self.processes if len(rows) >= self.processes.count else ALONE
        batches = for_evaluation(self.prepared.examples, processes.part(rows), next(model.parameters()).device)
        return processes.all_gather(outputs(model, batches, self.recipe.precision).probs, len(rows))

    def _validated(self, epoch: Epoch) -> dict[str, float]:
        """Surprise and accuracy on the validation rows, and `loss`: what training minimises, which chooses the epoch.

        With label smoothing the two differ: plain cross-entropy prefers a half-trained network, whose confidence has
        not yet come down to the smoothed targets, to a better one whose has.
        """
        probs = self.validation_probs(epoch.model)
        measured = self._measured(self.validation_rows.numpy(), probs)
        if not np.isfinite(measured["loss"]):
            raise TrainingError(
                f"the model's outputs are not numbers after epoch {epoch.number}: "
                "its learning rate is too high. Try a tenth of it"
            )
        return measured

    def _measured(self, rows: NDArray[np.int64], probs: NDArray[np.float32]) -> dict[str, float]:
        """The epoch's figures of some rows; of numbers `rmse`, in the target's units, `r2`, and `nll` if known."""
        y, scale = self.prepared.examples.y.numpy()[rows], self.prepared.scale
        if scale is not None:
            measured = errors(y, probs, self.recipe.loss)
            return {**measured, "rmse": measured["rmse"] * scale.deviation}
        if y.ndim == 2:
            return _measured_sets(y, probs, self.recipe.label_smoothing)
        surprised = float(surprise(y, probs).mean()) / BITS_PER_NAT
        evenly = float(-np.log(np.maximum(probs, np.finfo(np.float32).eps)).mean())  # against every label alike
        smoothing = self.recipe.label_smoothing
        loss = (1 - smoothing) * surprised + smoothing * evenly
        return {"log_loss": surprised, "accuracy": float((probs.argmax(1) == y).mean()), "loss": loss}

    def _line(self, number: int, trained: dict[str, float], validated: dict[str, float], served: int) -> dict[str, Any]:
        now = time.perf_counter()
        seconds, self.started = now - self.started, now
        every = max(1, len(self.rates) // RATES_KEPT)
        rates, self.rates = self.rates[::every], []
        return {
            "epoch": number,
            "step": self.last_step,
            "learning_rates": rates,
            "train": trained,
            "validation": validated,
            "seconds": seconds,
            "examples_per_second": served / seconds,
        }

    def _write_dynamics(self) -> None:
        """All epochs so far: each write is as long as they are many."""
        self.run.write_arrays(
            "dynamics.npz",
            {
                "losses": np.stack(self.losses),
                "margins": np.stack(self.margins),
                "window_probs": self.window.probs.astype(np.float16),
                "window": np.array(self.window.epochs),
            },
        )
        self.written = len(self.lines)


def _measured_sets(y: NDArray[np.float32], probs: NDArray[np.float32], smoothing: float) -> dict[str, float]:
    """Figures of sets of labels and probabilities [n, K]; F1 over all labels with one half as their threshold."""
    surprised = float(set_surprise(y, probs).mean()) / BITS_PER_NAT
    evenly = float(set_surprise(1 - y, probs).mean()) / BITS_PER_NAT
    hits, named = float((y * (probs >= 0.5)).sum()), float((probs >= 0.5).sum() + y.sum())
    loss = (1 - smoothing / 2) * surprised + smoothing / 2 * evenly
    return {"log_loss": surprised, "f1_micro": 2 * hits / named if named else 0.0, "loss": loss}


def _skill(figures: Mapping[str, float]) -> float:
    """How good an epoch was, higher = better: accuracy, F1 or R²."""
    return next(figures[name] for name in SKILLS.values() if name in figures)
