"""Text: whatever people and programs write, in any encoding and language, to subword ids of one length.

Axis letters: T ids kept of a text.
Subwords are a byte-pair encoding over UTF-8 bytes, learnt from the training rows alone (Sennrich et al. 2016,
arXiv:1508.07909; over bytes, Radford et al. 2019): every text has one, in every script, and no character is unknown.
Only its merges are kept. The rest of the tokenizer stands here, so that nobody's preprocessor.json brings a pattern of
its own.
"""

import codecs
import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unfazed.errors import InputError, RunError, SourceError
from unfazed.reading import file_bytes

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

PADDING, DROPPED = 0, 1  # ids that stand for no subword; augmentation puts the second in place of one
FIRST = 2  # the id of the first of 256 bytes; merges follow
VOCABULARY, MAX_VOCABULARY = 8192, 262_144
SMALLEST, LARGEST = 8, 1024  # T
KEPT_SHARE = 0.99  # of the training texts that are kept whole
LEARNT_CHARACTERS = 20_000_000  # that the merges are counted on
READ_CHARACTERS = 100_000  # of a text: all that is ever looked at
CHARACTERS = 32  # of an id, at most: what is longer was not to be kept anyway
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SNIFFED = 4096  # bytes that tell whether a file is text at all


@dataclass(frozen=True)
class TextPreprocessor:
    """How every text becomes ids.

    tokens: T, ids kept of a text. merges: what the byte-pair encoding joins, "left right" a line, the first first.
    columns: names of the columns that were joined to a text, in order; none where a text is one value.
    """

    tokens: int
    merges: tuple[str, ...]
    columns: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int]:
        """Of one encoded text, [T]."""
        return (self.tokens,)

    @property
    def dtype(self) -> str:
        """Of the ids."""
        return "int32"

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """The id of each subword, bytes first; the two ids that stand for none are left out."""
        return _vocabulary(self.merges)

    @cached_property
    def tokenizer(self) -> "Tokenizer":
        """From a normalised text to ids."""
        from tokenizers import models

        pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in self.merges)]
        return _tokenizer(models.BPE(self.vocabulary, pairs))

    def to_json(self) -> str:
        """The preprocessor as JSON text."""
        return json.dumps({"format": 1, "modality": "text", **asdict(self)}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "TextPreprocessor":
        """The preprocessor that `to_json` wrote.

        Raises:
            RunError: damaged, of another modality or format, or out of range: the text may come from a stranger.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RunError(f"the preprocessor is not JSON: {error}") from error
        if not isinstance(values, dict) or (values.get("format"), values.get("modality")) != (1, "text"):
            raise RunError("the preprocessor is not one for texts in format 1")
        tokens, merges, columns = values.get("tokens"), values.get("merges"), values.get("columns")
        if type(tokens) is not int or not SMALLEST <= tokens <= LARGEST:
            raise RunError(f"the preprocessor is damaged: tokens {tokens!r}")
        if not _are_strings(merges) or len(merges) > MAX_VOCABULARY or not _are_strings(columns):
            raise RunError("the preprocessor is damaged: merges and columns must be lists of strings")
        try:
            _vocabulary(merges)
        except KeyError as error:
            raise RunError(f"the preprocessor is damaged: {error.args[0]!r} joins what is not there") from error
        return cls(tokens, tuple(merges), tuple(columns))


def load(value: str) -> bytes:
    """The bytes that a row's text stands for."""
    return value.encode("utf-8", "replace")


def read(source: str | bytes | Path | Mapping[str, Any]) -> str:
    """One text: a string as it is, bytes or a file decoded, columns joined as lines of "name: value".

    Bytes are UTF-8, or UTF-16 or 32 where a mark says so; what is not valid UTF-8 is Windows-1252, unless most of it
    is UTF-8: then the rest becomes U+FFFD.

    Raises:
        InputError: it cannot be used; the message is the reason.
    """
    if isinstance(source, Mapping):
        source = joined(source)
    if isinstance(source, Path):
        source = file_bytes(source)
    if isinstance(source, bytes):
        source = _decoded(source)
    if not isinstance(source, str):
        raise InputError(f"a text is a string, bytes, a path or a row of columns, not {type(source).__name__}")
    if not _normalised(source):
        raise InputError("empty text")
    return load(source).decode()  # half a character (a lone surrogate) becomes a question mark


def joined(row: Mapping[str, Any]) -> str:
    """Several columns as one text, a line each, without those that are empty; a single one as it is."""
    if len(row) == 1:
        return _plain(next(iter(row.values())))
    lines = ((name, _plain(value)) for name, value in row.items())
    return "\n".join(f"{name}: {value}" for name, value in lines if value.strip())


def inspect(data: bytes) -> str:
    """The text itself, which is what `fit` counts; raises InputError."""
    return read(data)


def fit(
    texts: Sequence[str], tokens: int | str = "auto", vocabulary: int | str = "auto", columns: Sequence[str] = ()
) -> TextPreprocessor:
    """Subwords that suit the training texts, and how many of a text are kept.

    tokens: "auto" keeps 99 in 100 texts whole, up to 1,024 ids. vocabulary: subwords at most; "auto": 8,192.

    Raises:
        SourceError: there is no text.
    """
    if not texts:
        raise SourceError("there is no readable text to train on")
    size = VOCABULARY if vocabulary == "auto" else int(vocabulary)
    merges = _learnt_merges(texts, size)
    found = TextPreprocessor(LARGEST, merges, tuple(columns))
    kept = _auto_tokens(texts, found) if tokens == "auto" else int(tokens)
    return TextPreprocessor(kept, merges, tuple(columns))


def encode(raw: str, preprocessor: TextPreprocessor) -> NDArray[np.int32]:
    """The first T subwords of a text as int32 [T], 0 behind its end."""
    ids = _ids(raw, preprocessor)
    x = np.zeros(preprocessor.tokens, np.int32)
    x[: len(ids)] = ids
    return x


def length(x: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many ids of each text [n, T] are not padding: [n]."""
    used = x != PADDING
    return np.where(used.any(axis=1), x.shape[1] - used[:, ::-1].argmax(axis=1), 0).astype(np.int64)


def augment(x: "torch.Tensor", generator: "torch.Generator", strength: float) -> "torch.Tensor":
    """Ids [B, T] of which a share of `strength` / 2 is dropped at random, so that no text hangs on one word.

    Source: word dropout, Iyyer et al. 2015 (Deep averaging networks, ACL).
    """
    import torch

    drawn = torch.rand(x.shape, generator=generator, device=x.device)
    return x.masked_fill((drawn < strength / 2) & (x != PADDING), DROPPED)


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _are_strings(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _decoded(data: bytes) -> str:
    if not data:
        raise InputError("empty file")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is not None:
        return data.decode(encoding, "replace")
    if b"\0" in data[:_SNIFFED]:
        raise InputError(f"not a text: starts with {data[:12]!r}")
    try:
        return data.decode()
    except UnicodeDecodeError:
        text = data.decode(errors="replace")
    bad = text.count("\ufffd")
    valid = sum(character > "\x7f" for character in text) - bad
    return text if valid > bad else data.decode("cp1252", "replace")


def _normalised(text: str) -> str:
    """Compatibility forms unified (NFKC), small letters, one space between words, nothing invisible at its ends."""
    known = unicodedata.normalize("NFKC", text[:READ_CHARACTERS]).lower()
    return " ".join(known.replace("\0", " ").split())


def _ids(raw: str, preprocessor: TextPreprocessor) -> list[int]:
    text = _normalised(raw)[: preprocessor.tokens * CHARACTERS]
    ids: list[int] = preprocessor.tokenizer.encode(text, add_special_tokens=False).ids
    return ids[: preprocessor.tokens]


def _tokenizer(model: Any) -> "Tokenizer":
    from tokenizers import Tokenizer, pre_tokenizers

    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return tokenizer


def _alphabet() -> list[str]:
    from tokenizers import pre_tokenizers

    return sorted(pre_tokenizers.ByteLevel.alphabet())


def _vocabulary(merges: Iterable[str]) -> dict[str, int]:
    """Raises KeyError with the first merge of something that is not there."""
    found = {character: FIRST + number for number, character in enumerate(_alphabet())}
    for merge in merges:
        left, _, right = merge.partition(" ")
        if left not in found or right not in found:
            raise KeyError(merge)
        found.setdefault(left + right, FIRST + len(found))
    return found


def _learnt_merges(texts: Sequence[str], vocabulary: int) -> tuple[str, ...]:
    from tokenizers import models, trainers

    tokenizer = _tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=2, initial_alphabet=_alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(_counted(texts), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return tuple(merge if isinstance(merge, str) else " ".join(merge) for merge in merges)


def _counted(texts: Sequence[str]) -> Iterator[str]:
    """Normalised texts: all of them, or every n-th where there is more than the merges need."""
    step = -(-sum(min(len(text), READ_CHARACTERS) for text in texts) // LEARNT_CHARACTERS)
    yield from map(_normalised, texts[::step])


def _auto_tokens(texts: Sequence[str], preprocessor: TextPreprocessor) -> int:
    """From the lengths of up to some 10,000 texts, a multiple of 8."""
    step = max(1, len(texts) // 10_000)
    lengths = [len(_ids(text, preprocessor)) for text in texts[::step]]
    kept = int(np.quantile(lengths, KEPT_SHARE, method="higher"))
    return int(np.clip(-(-kept // 8) * 8, SMALLEST, LARGEST))


DECODER = f"tokenizers {version('tokenizers')}"
