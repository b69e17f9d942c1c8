"""Sets of labels as text: "beach|sunset" is an example with two labels, "" one with none of them."""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

SEPARATOR = NO_LABELS = "|"  # where an empty text would mean that nothing is said, the separator alone is an empty set
_RECUR = 0.9  # of the parts of different sets that have to be met again elsewhere
_SHARE = 0.01  # of the labelled rows that have to hold a separator
_FEWEST = 2  # such rows at least


def labels_of(task: str) -> str:
    """What is counted where labels are, in the plural."""
    return "sets of labels" if task == "multilabel" else "labels"


def parts(text: str) -> list[str]:
    """The single labels of a set, each once, without the white space around them; accents in one form (NFC)."""
    named = (unicodedata.normalize("NFC", part.strip()) for part in text.split(SEPARATOR))
    return list(dict.fromkeys(name for name in named if name))


def joined(labels: Iterable[str]) -> str:
    """The set as text."""
    return SEPARATOR.join(labels)


def are_sets(texts: Sequence[str]) -> bool:
    """Whether labels with a separator in them are sets: what stands between the separators comes back elsewhere.

    "action|comedy" is a set where "action" and "comedy" are also met alone or in company. "yes|no" that is met in no
    other form is the name of a class, and so is a path such as "animals|cats": its last part is of no other label. A
    single row does not make sets of all labels.
    """
    held = [text for text in texts if SEPARATOR in text]
    if len(held) < max(_FEWEST, _SHARE * len(texts)):
        return False
    met = Counter(part for text in set(texts) for part in parts(text))
    found = [met[part] > 1 for text in set(held) for part in parts(text)]
    return sum(found) >= _RECUR * len(found) > 0
