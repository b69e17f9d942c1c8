"""What may limit a run, and the answer of a diagnosis."""

from typing import Literal, NamedTuple

FINE = "fine"
SHORT = "too few epochs"
LOW = "learning rate too low"
HIGH = "learning rate too high"
NARROW = "too small a network"
OVERFITTING = "overfitting"
LABELS = "wrong labels"
DATA = "too little data"
LEAK = "leak"
UNRELATED = "labels unrelated to inputs"
CONSTANT = "inputs do not vary"
DEAD = "dead units"
VANISHING = "vanishing gradients"
EXPLODING = "exploding gradients"
IMBALANCE = "class imbalance"
FAR = "a target far from all others"
TAIL = "a heavy-tailed target"
UNTOLD = "can't tell"

Confidence = Literal["high", "moderate", "low"]


class Diagnosis(NamedTuple):
    """The answer."""

    cause: str
    confidence: Confidence
    paragraph: str
    action: str
    evidence: dict[str, str]  # what was measured, by name, as it is to be read


def told(cause: str, confidence: Confidence, said: str, action: str) -> Diagnosis:
    """The answer, whose evidence is added once it is known to be the one."""
    return Diagnosis(cause, confidence, said, action, {})
