"""Text: whatever people and programs write, in any encoding and language, to subword ids of one length.

Axis letters: T ids kept of a text.
Subwords are a byte-pair encoding over UTF-8 bytes, learnt from the training rows alone (Sennrich et al. 2016,
arXiv:1508.07909; over bytes, Radford et al. 2019): every text has one, in every script, and no character is unknown.
An id is negative where its subword goes on with the word before it: so a model may see whole words as well.
Only the merges are kept. The rest of the tokenizer stands here, so that nobody's preprocessor.json brings a pattern of
its own.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from unfazed.decoding import decoded
from unfazed.errors import InputError, RunError, SourceError
from unfazed.modality import Modality, described_by
from unfazed.modality.text_columns import EXTENSIONS, are_files, are_there, joined, known, news
from unfazed.reading import file_bytes, parallel
from unfazed.recipe import Recipe
from unfazed.source import SourceOptions, refuse_input
from unfazed.source import find as find_source
from unfazed.source_table import Inputs, path_inputs
from unfazed.source_values import known_columns, text_inputs
from unfazed.table import Table

if TYPE_CHECKING:
    import polars as pl
    from tokenizers import Tokenizer

PADDING = 0
FIRST = 1  # the id of the first of 256 bytes; merges follow
VOCABULARY, MAX_VOCABULARY = 20_000, 262_144
SMALLEST, LARGEST = 8, 1024  # T
KEPT_SHARE = 0.99  # of the training texts that are kept whole
LEARNT_CHARACTERS = 20_000_000  # that the merges are counted on
READ_CHARACTERS = 100_000  # of a text: all that is ever looked at
CHARACTERS = 32  # of an id, at most: what is longer was not to be kept anyway
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\U00020000-\U0003ffff]")  # Thai … Chinese
_UNREAD = "\0cannot be read: "  # before the reason, in place of the text of a file that gave none


@dataclass(frozen=True)
class TextPreprocessor:
    """How every text becomes ids.

    tokens: T, ids kept of a text. merges: what the byte-pair encoding joins, "left right" a line, the first first.
    columns: names of the columns that the training texts were taken from, and joined where there are several; none
    where they stood in files.
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
        """The id of each subword, bytes first; padding has none."""
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
        values = described_by(text, "text", "texts")
        tokens, merges, columns = values.get("tokens"), values.get("merges"), values.get("columns")
        if type(tokens) is not int or not SMALLEST <= tokens <= LARGEST:
            raise RunError(f"the preprocessor is damaged: tokens {tokens!r}")
        if not (_are_strings(merges) and _are_strings(columns)) or len(merges) > MAX_VOCABULARY:
            raise RunError("the preprocessor is damaged: merges and columns must be lists of strings")
        try:
            _vocabulary(merges)
        except KeyError as error:
            raise RunError(f"the preprocessor is damaged: {error.args[0]!r} joins what is not there") from error
        return cls(tokens, tuple(merges), tuple(columns))


def find(
    source: Any, options: SourceOptions | None = None, fitted: TextPreprocessor | None = None
) -> Table:
    """The texts of a folder, a table file or a frame, with their labels; what stands in files is read here.

    fitted: of a model that they are for; its columns are those to take.

    Raises:
        SourceError: it cannot be used.
    """
    options = options or SourceOptions()
    learnt = list(fitted.columns if fitted else ())
    in_table, named = False, options.inputs or learnt

    def inputs_of(
        frame: "pl.DataFrame", wanted: Mapping[str, str | None], where: str, folders: Sequence[str]
    ) -> Inputs:
        nonlocal in_table, named
        texts = in_table or are_there(learnt, frame)  # as in the table of another side, or of training
        in_table = not options.path and (texts or not are_files(frame, wanted.get("target"), options.inputs))
        if not in_table:
            refuse_input(options, where)
            return path_inputs(frame, wanted, where, folders)
        found = text_inputs(frame, wanted, where, folders, named)
        named = found.columns  # the tables of the other sides are read alike
        return found._replace(others=[]) if fitted else found

    table = find_source(source, options, EXTENSIONS, inputs_of)
    if in_table:
        return table
    texts = list(parallel(_of_file, table.frame["input"].to_list()))
    return replace(table, frame=table.frame.with_columns(input=_series(texts)), columns=())


def listed(
    frame: "pl.DataFrame",
    preprocessor: TextPreprocessor,
    where: str,
    folders: Sequence[str],
    path: str | None = None,
) -> list[str]:
    """The texts of a table without labels, one a row: of the columns that were learnt from, or of those that hold
    texts where the training texts stood in files. A column that is not there is one of empty cells.

    path: the column of texts, or of paths of their files.

    Raises:
        SourceError: the columns that were learnt from are not there, or no column holds texts.
    """
    files = are_files(frame, None, [path] if path else [])
    if files and (path or not are_there(preprocessor.columns, frame)):
        return list(parallel(_of_file, path_inputs(frame, {"path": path}, where, folders).values))
    if path:
        return text_inputs(frame, {}, where, folders, [path]).values
    there = known_columns(frame, preprocessor.columns, where)
    empty = [_series([""] * len(frame)).alias(name) for name in preprocessor.columns if there and name not in there]
    return text_inputs(frame.with_columns(empty), {}, where, folders, preprocessor.columns).values


def load(value: str) -> bytes:
    """The bytes that a row's text stands for; raises InputError with the reason where its file gave none."""
    if value.startswith(_UNREAD):
        raise InputError(value.removeprefix(_UNREAD))
    return value.encode("utf-8", "replace")


def read(source: str | bytes | Path | Mapping[str, Any]) -> str:
    """One text: a string as it is, bytes or a file decoded, columns joined as lines of "name: value".

    Bytes are decoded as `decoding` has it.

    Raises:
        InputError: it cannot be used; the message is the reason.
    """
    if isinstance(source, Mapping):
        source = joined(source)
    if isinstance(source, Path):
        source = file_bytes(source)
    if isinstance(source, bytes):
        source = _decoded(source)
    elif isinstance(source, str):
        source = load(source).decode()  # half a character (a lone surrogate) becomes a question mark
    else:
        raise InputError(f"a text is a string, bytes, a path or a row of columns, not {type(source).__name__}")
    if not _normalised(source):
        raise InputError("empty text")
    return source


def inspect(data: bytes) -> str:
    """The text itself, which is what `fit` counts; raises InputError."""
    return read(data)


def fit(texts: Sequence[str], recipe: Recipe, columns: Sequence[str] = ()) -> TextPreprocessor:
    """At most 20,000 subwords, which suit the training texts, and a length that keeps 99 in 100 of these whole.

    columns: that the texts were taken from.

    Raises:
        SourceError: there is no text.
    """
    if not texts:
        raise SourceError("there is no readable text to train on")
    found = TextPreprocessor(LARGEST, _learnt_merges(texts), tuple(columns))
    return replace(found, tokens=_auto_tokens(texts, found))


def fitting(texts: Sequence[str], preprocessor: TextPreprocessor) -> str:
    """How much is kept of a text, in words."""
    return f"the first {preprocessor.tokens:,} of each text"


def encode(raw: str, preprocessor: TextPreprocessor) -> NDArray[np.int32]:
    """The first T subwords of a text as int32 [T], negative where one goes on with a word; 0 behind the text's end."""
    ids = _ids(raw, preprocessor)
    x = np.zeros(preprocessor.tokens, np.int32)
    x[: len(ids)] = ids
    return x


def length(x: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many ids of each text [n, T] are not padding: [n]."""
    used = x != PADDING
    return np.where(used.any(axis=1), x.shape[1] - used[:, ::-1].argmax(axis=1), 0).astype(np.int64)


def _are_strings(values: Any) -> TypeGuard[list[str]]:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _decoded(data: bytes) -> str:
    try:
        return decoded(data).text
    except ValueError as error:
        raise InputError(str(error)) from error


def _normalised(text: str) -> str:
    """Compatibility forms unified (NFKC), small letters, one space between words, nothing invisible at its ends."""
    known = unicodedata.normalize("NFKC", text[:READ_CHARACTERS]).lower()
    return " ".join(known.replace("\0", " ").split())


def _ids(raw: str, preprocessor: TextPreprocessor) -> NDArray[np.int32]:
    """Words are runs of letters, of digits or of other marks; in scripts without spaces every subword is one."""
    kept = slice(preprocessor.tokens)
    text = _normalised(raw)[: preprocessor.tokens * CHARACTERS]
    found = preprocessor.tokenizer.encode(text, add_special_tokens=False)
    begins = np.diff(np.array(found.word_ids[kept], np.int64), prepend=-1) != 0
    if _UNSPACED.search(text):
        begins |= [_UNSPACED.match(text, start) is not None for start, _ in found.offsets[kept]]
    ids = np.array(found.ids[kept], np.int32)
    return np.where(begins, ids, -ids)


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


def _learnt_merges(texts: Sequence[str]) -> tuple[str, ...]:
    from tokenizers import models, trainers

    tokenizer = _tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, min_frequency=2, initial_alphabet=_alphabet(), show_progress=False
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


def _of_file(path: str) -> str:
    """The text of a file; where there is none, the reason behind a null byte, for `read` to find."""
    try:
        return read(Path(path)).lstrip("\0") if path else ""
    except InputError as error:
        return f"{_UNREAD}{error}"


def _series(texts: Sequence[str]) -> "pl.Series":
    import polars as pl

    return pl.Series("input", texts, dtype=pl.String)


MODALITY = Modality(
    name="text",
    items="texts",
    decoder=f"tokenizers {version('tokenizers')}",
    extensions=EXTENSIONS,
    values=True,
    find=find,
    listed=listed,
    load=load,
    read=read,
    inspect=inspect,
    fit=fit,
    encode=encode,
    length=length,
    fitting=fitting,
    augment=None,
    shrink=None,
    preprocessor=TextPreprocessor,
    known=known,
    news=news,
)
