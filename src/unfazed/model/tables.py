"""A network for rows of a table: numbers in piecewise-linear codes, categories as vectors, several members in one.

Axis letters: B batch, F features of a row, N numbers and C categories among them, T bins of a number, E width of a
feature's embedding, M members, H width of a layer, K outputs (classes; 1 = regression), n sampled training rows.

A number becomes T shares, one for each bin between two quantiles: 1 for the bins below it, 0 for those above, and how
far it has come through its own; so the first layer can draw any curve through T + 1 points, and an outlier is no
larger than the largest bin. A value that is missing has a vector of its own, and so has an unseen category: that of
the rare ones, zero at first. M small networks share their weights; each weighs the features in its own way and has
biases and a head of its own: an ensemble that costs and overfits less than M networks.

Sources: piecewise-linear codes, Gorishniy et al. 2022 (arXiv:2203.05556); members in one network, Wen et al. 2020
(arXiv:2002.06715), for tables Gorishniy et al. 2025 (TabM, arXiv:2410.24210; this is near its "mini").
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfazed.errors import UsageError

LARGEST = {
    "classes": 100_000, "codes": 100_000, "members": 1024, "width": 16_384, "depth": 64, "bins": 1024,
    "embedding": 1024,
}  # fmt: skip
LARGEST_INVERSE = 1e15  # of the width of a bin, and so of a code before it is cut off at 1


class Numbers(nn.Module):
    """Piecewise-linear codes of numbers, each feature with its own linear layer on them."""

    left: Tensor  # [N, T] lower ends of the bins
    inverse: Tensor  # [N, T] one over their widths, 0 = no bin

    def __init__(self, features: int, bins: int, embedding: int) -> None:
        super().__init__()
        self.register_buffer("left", torch.zeros(features, bins))
        self.register_buffer("inverse", torch.zeros(features, bins))
        self.weight = nn.Parameter(torch.randn(features, bins, embedding) * bins**-0.5)
        self.missing = nn.Parameter(torch.zeros(features, embedding))

    @torch.no_grad()
    def lay(self, feature: int, ends: Tensor) -> None:
        """Set the ends of a feature's bins, ascending, at most T + 1; without two there is no bin."""
        count = max(0, len(ends) - 1)
        self.left[feature], self.inverse[feature] = 0.0, 0.0
        self.left[feature, :count] = ends[:-1]
        self.inverse[feature, :count] = (1 / ends.diff()).clamp_max(LARGEST_INVERSE)

    def forward(self, x: Tensor) -> Tensor:
        """[B, N] with nan = missing to [B, N, E]."""
        absent = x.isnan()
        shares = ((x.nan_to_num(0.0)[..., None] - self.left) * self.inverse).clamp(0.0, 1.0)
        embedded = torch.einsum("bnt,nte->bne", shares - 0.5, self.weight)
        return torch.where(absent[..., None], self.missing, embedded)


class Constants:
    """Whole numbers of every step, copied to each device once: a copy at each step would wait for it."""

    def __init__(self, *numbers: Sequence[int]) -> None:
        self.numbers = [list(row) for row in numbers]
        self.copies: dict[torch.device, list[Tensor]] = {}

    def on(self, device: torch.device) -> list[Tensor]:
        """Each of the sequences int64 on the device."""
        if device not in self.copies:
            self.copies[device] = [torch.tensor(row, dtype=torch.long, device=device) for row in self.numbers]
        return self.copies[device]


class Categories(nn.Module):
    """A vector for each code of each categorical feature, and one where it is missing."""

    def __init__(self, codes: Sequence[int], embedding: int) -> None:
        super().__init__()
        *first, total = accumulate((count + 1 for count in codes), initial=0)  # where each feature's codes begin
        self.places = Constants(first, codes)
        self.weight = nn.Parameter(torch.randn(total, embedding))
        with torch.no_grad():
            self.weight[first] = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Codes [B, C] with nan = missing to [B, C, E]; a code that there is not is an unseen category."""
        first, count = self.places.on(x.device)
        code = x.nan_to_num(0.0)
        known = torch.where((code > 0) & (code < count), code, 0.0).long()
        return functional.embedding(first + torch.where(x.isnan(), count, known), self.weight)


class FirstLayer(nn.Module):
    """One linear layer for M members, each of which weighs the features in its own way.

    Scales and biases are vectors, since the optimizer pulls matrices towards zero.
    """

    def __init__(self, features: int, embedding: int, members: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_uniform((features, embedding, outputs), features * embedding))
        self.scale = nn.Parameter(torch.randn(members * features))
        self.bias = nn.Parameter(_uniform((members * outputs,), features * embedding))

    def forward(self, x: Tensor) -> Tensor:
        """[B, F, E] to [B, M, outputs]: one product with the weights of all members side by side."""
        features, _, outputs = self.weight.shape
        weights = self.weight[:, :, None] * self.scale.view(features, 1, -1, 1)
        product = x.flatten(1) @ weights.flatten(2).flatten(0, 1) + self.bias
        return product.view(len(x), len(self.scale) // features, outputs)


class SharedLayer(nn.Module):
    """A linear layer that M members share, but for their biases."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_uniform((width, width), width))
        self.bias = nn.Parameter(_uniform((members * width,), width))

    def forward(self, x: Tensor) -> Tensor:
        """[B, M, H] to the same shape."""
        return x @ self.weight + self.bias.view(-1, x.shape[2])


class MemberHead(nn.Module):
    """A linear layer of its own for each of M members."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(_uniform((members, inputs, outputs), inputs))
        self.bias = nn.Parameter(torch.zeros(members * outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[B, M * inputs] to [B, M, outputs]."""
        inputs = x.view(len(x), *self.weight.shape[:2])
        return torch.einsum("bmi,mio->bmo", inputs, self.weight) + self.bias.view(-1, self.weight.shape[2])


def _uniform(shape: Sequence[int], inputs: int) -> Tensor:
    return torch.empty(*shape).uniform_(-1, 1) * float(inputs**-0.5)


class Size(NamedTuple):
    """How large a `TableNet` is."""

    members: int = 8  # M
    width: int = 128  # H
    depth: int = 2  # layers
    bins: int = 128  # T
    embedding: int = 8  # E


class TableNet(nn.Module):
    """An ensemble in one for rows float32 [B, F]; call `initialise` on training rows before training."""

    def __init__(self, classes: int, codes: Sequence[int], size: Size, dropout: float) -> None:
        """`classes`: K. `codes` [F]: a categorical feature's number of codes, 0 = a number."""
        super().__init__()
        _check(classes, codes, size, dropout)
        self.arguments: dict[str, Any] = {
            "classes": classes,
            "codes": list(codes),
            "dropout": dropout,
            **size._asdict(),
        }
        self.numbers = [feature for feature, count in enumerate(codes) if not count]
        self.categories = [feature for feature, count in enumerate(codes) if count]
        self.columns = Constants(self.numbers, self.categories)
        self.embedded_numbers = Numbers(len(self.numbers), size.bins, size.embedding)
        self.embedded_categories = Categories([codes[feature] for feature in self.categories], size.embedding)
        self.first = FirstLayer(len(codes), size.embedding, size.members, size.width)
        self.layers = nn.ModuleList(SharedLayer(size.members, size.width) for _ in range(size.depth - 1))
        self.dropout = nn.Dropout(dropout)
        self.embedding_width = size.members * size.width
        self.head = MemberHead(size.members, size.width, classes)

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "TableNet":
        """The model that `arguments` describes, its weights not yet trained."""
        given = dict(arguments)
        size = Size(**{name: given.pop(name) for name in Size._fields})
        return cls(**given, size=size)

    @torch.no_grad()
    def initialise(self, x: Tensor, length: Tensor | None = None) -> None:
        """Lay the bins of the numbers so that rows x [n, F], float32 with nan = missing, fill them."""
        for place, feature in enumerate(self.numbers):
            found = x[:, feature].double()
            ends = bin_ends(found[~found.isnan()], self.embedded_numbers.left.shape[1])
            self.embedded_numbers.lay(place, ends)

    def embed(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """Features [B, D] of rows x [B, F], nan = missing: those of the members, one after the other."""
        numbers, categories = (x.index_select(1, columns) for columns in self.columns.on(x.device))
        parts = [self.embedded_numbers(numbers), self.embedded_categories(categories)]
        hidden = functional.relu(self.first(torch.cat(parts, 1)))
        for layer in self.layers:
            hidden = functional.relu(layer(self.dropout(hidden)))
        return hidden.flatten(1)

    def forward(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """Logits [B, M, K] of rows x [B, F]; `length` is not used."""
        return cast(Tensor, self.head(self.dropout(self.embed(x, length))))


def bin_ends(values: Tensor, bins: int) -> Tensor:
    """Ends of at most `bins` bins, ascending: every different value where they suffice.

    Else half of them are quantiles of `values` [n] and half of the different ones among them: where most are zero, the
    others still get bins.
    """
    different: Tensor = torch.unique(values)
    if len(different) <= bins + 1:
        return different
    shares = torch.linspace(0, 1, bins // 2 + 1, dtype=values.dtype)
    parts = [part[(shares * (len(part) - 1)).round().long()] for part in (values.sort().values, different)]
    ends: Tensor = torch.unique(torch.cat(parts))
    return ends


def _check(classes: int, codes: Sequence[int], size: Size, dropout: float) -> None:
    given = {"classes": classes, **size._asdict()}
    problems = [
        f"{name} must be a whole number from 1 to {LARGEST[name]:,}, got {value!r}"
        for name, value in given.items()
        if type(value) is not int or not 1 <= value <= LARGEST[name]
    ]
    sound = isinstance(codes, list | tuple) and 0 < len(codes) <= LARGEST["codes"]
    if not sound or not all(type(count) is int and 0 <= count <= LARGEST["codes"] for count in codes):
        problems.append(f"codes must be 1 to {LARGEST['codes']:,} whole numbers from 0 to {LARGEST['codes']:,}")
    if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        problems.append(f"dropout must be in [0, 1), got {dropout!r}")
    if problems:
        raise UsageError("TableNet: " + "; ".join(problems))
