"""Who learns, who chooses the epoch and who is asked once: the sides of a table.

What a source already splits is honoured. The rest is divided by class, or by time where there is one, with nothing that
belongs together (the same content, the same group) on two sides. The result is a function of contents and seed: names
and order of the files change nothing, and one file more moves few of the others.

Axis letters: N rows, F rows free to be divided, K classes, S sides (train, validation, test).
A component is a set of rows that must stay together.
"""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from unfazed.errors import SourceError, did_you_mean
from unfazed.table import SPLITS, Table, enumerated, listed, merged_key, row_name

_NOWHERE, _TRAIN, _VALIDATION, _TEST = -1, 0, 1, 2
_STRATA = {"classification": "class", "multilabel": "the rarest label of each row",
           "regression": "tenths of the target"}
_NAMED = 3  # classes without a training row that are told of one by one
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


class Duplicates(NamedTuple):
    """Labelled rows with the same content as another."""

    count: int  # type: ignore[assignment]  # rows that share their content with another; hides tuple.count
    conflicting: int  # of these, rows of a content that has several labels
    leaked: int  # rows taken off their side, because the source has their content on a later one too


class Duplicate(NamedTuple):
    """One of several labelled rows with the same content, as `duplicates.csv` has it."""

    id: str
    label: str
    split: str  # empty: on no side
    same_as: str  # id of the first row with this content, its own id for that row itself
    conflicting: str  # "true" where the content has several labels, else "false"


class _Free(NamedTuple):
    """The rows to divide."""

    y: _Ints  # [F]
    component: _Ints  # [F]
    rank: _Ints  # [F] seeded order
    shares: _Floats  # [S] of all free rows; 0 = closed

    def sums(self, side: _Ints) -> _Ints:
        """Rows of each side and class [S, K]; rows that are nowhere do not count."""
        counts = np.zeros((len(SPLITS), int(self.y.max(initial=-1)) + 1), dtype=np.int64)
        np.add.at(counts, (side[side >= 0], self.y[side >= 0]), 1)
        return counts


def draw_splits(
    table: Table, content: Sequence[str], validation: float, test: float, seed: int, group: str = "group"
) -> tuple[Table, int]:
    """The table with every labelled row on a side, its content and notes on how; how many rows were taken off.

    content [N]: equal strings mean equal inputs; an empty one equals no other. validation, test: shares of the rows
    that the source itself does not put on these sides, over 0. group: what notes call the groups.
    The sides of the source are honoured, but a row whose content is also on a later side (train < validation < test) is
    taken off: split null, weight 0. So is one whose side is open and whose group is on validation or test. A side that
    loses all of its rows so is drawn anew. Rows without a label are on no side. With times the latest rows, or groups,
    are the test; else the sides have the same mix of classes, and each class has a row to learn from.

    Raises:
        SourceError: a side would have no rows.
    """
    y, given = table.y(), _given(table)
    same = _numbers([text or f"row {row}" for row, text in enumerate(content)])
    leaked = _leaked(same, given)
    kept = np.where(leaked, _NOWHERE, given)
    apart = _apart(table, given) & ~leaked
    free = (y >= 0) & (given <= _TRAIN) & ~leaked & ~apart
    shares = _shares(kept, validation, test)
    rank = _rank([text or name for text, name in zip(content, table.frame["id"], strict=True)], seed)
    rows = _Free(y[free], _components(same, table)[free], rank[free], shares)
    side = kept.copy()
    times = table.frame["time"].fill_null(-np.inf).to_numpy()[free]
    side[free] = _by_class(rows) if np.isneginf(times).all() else _by_time(rows, times)
    _require_rows(table, side, shares, int(leaked.sum() + apart.sum()))
    names = [None if number == _NOWHERE else SPLITS[number] for number in side]
    result = table.with_split(names, np.where(leaked | apart, 0.0, table.frame["weight"])).with_content(content)
    notes = [*_how(result, kept, shares, _grouped_by(table, side, group)), *_out_of_time(table, kept, side)]
    if apart.any():
        notes.append(f"{apart.sum():,} rows without a side left out: others of their {group} are in validation or test")
    return result.with_notes(*notes), int(leaked.sum())


def described(table: Table, leaked: int) -> tuple[Table, Duplicates]:
    """A divided table with notes on what its sides hold and lack, and the rows with the same content.

    leaked: how many rows were taken off their side.

    Raises:
        SourceError: train has only one class.
    """
    y, side = table.y(), _given(table)
    _require_classes(table, side)
    same = _numbers([text or f"row {row}" for row, text in enumerate(table.frame["sha256"].to_list())])
    sets = table.task == "multilabel"  # rows of one stratum may have different sets
    labels = np.where(y < 0, -1, _numbers(table.frame["label"].fill_null("").to_list())) if sets else y
    duplicates = Duplicates(*_shared(same, labels), leaked)
    notes = [*_duplicate_notes(table, duplicates), *_absent(table, side), *_torn(table, side)]
    return table.with_notes(*notes), duplicates


def duplicate_rows(table: Table) -> list[Duplicate]:
    """The labelled rows that share their content with another, those of one content together."""
    rows_of: dict[str, list[int]] = {}
    labels, contents = table.frame["label"].to_list(), table.frame["sha256"].to_list()
    for row, content in enumerate(contents):
        if content and labels[row] is not None:
            rows_of.setdefault(content, []).append(row)
    names, sides = table.frame["id"].to_list(), table.frame["split"].to_list()
    return [
        Duplicate(names[row], labels[row], sides[row] or "", names[rows[0]], conflicting)
        for rows in rows_of.values() if len(rows) > 1
        for conflicting in ["true" if len({labels[row] for row in rows}) > 1 else "false"]
        for row in rows
    ]


def _given(table: Table) -> _Ints:
    number = {split: index for index, split in enumerate(SPLITS)}
    given = np.array([number.get(split, _NOWHERE) for split in table.frame["split"]], dtype=np.int64)
    return np.where(table.y() < 0, _NOWHERE, given)


def _leaked(same: _Ints, given: _Ints) -> NDArray[np.bool_]:
    latest = np.full(same.max(initial=-1) + 1, _NOWHERE)
    np.maximum.at(latest, same, given)
    return (latest[same] > _TRAIN) & (given < latest[same])


def _apart(table: Table, given: _Ints) -> NDArray[np.bool_]:
    """Labelled rows [N] that the source leaves open, of groups that it has in validation or test: no side is fit."""
    held = set(table.frame["group"].filter(given > _TRAIN).drop_nulls())
    apart = np.array([group in held for group in table.frame["group"]], dtype=np.bool_)
    return np.where((table.y() >= 0) & (given == _NOWHERE), apart, False)


def _shares(given: _Ints, validation: float, test: float) -> _Floats:
    shares = np.array([0.0, validation, test])
    shares[[side for side in (_VALIDATION, _TEST) if (given == side).any()]] = 0.0
    shares[_TRAIN] = 1 - shares.sum()
    return shares


def _rank(content: Sequence[str], seed: int) -> _Ints:
    digests = b"".join(blake2b(f"{seed} {text}".encode(), digest_size=8).digest() for text in content)
    order = np.frombuffer(digests, dtype=np.uint64).argsort(kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _components(same: _Ints, table: Table) -> _Ints:
    """Rows joined by content or by group, directly or through others [N]."""
    grouped = table.frame["group"].is_not_null().to_numpy()
    if not grouped.any():
        return same
    group = same.max() + 1 + _numbers(table.frame["group"].fill_null("").to_list())
    edges = coo_array((np.ones(grouped.sum()), (same[grouped], group[grouped])), shape=(group.max() + 1,) * 2)
    return np.asarray(connected_components(edges, directed=False)[1], dtype=np.int64)[same]


def _by_time(rows: _Free, times: _Floats) -> _Ints:
    """Sides [F]: components by their latest row, the latest first to test, then validation, the rest to train."""
    component, sizes = np.unique(rows.component, return_inverse=True, return_counts=True)[1:]
    latest = np.full(len(sizes), -np.inf)
    np.maximum.at(latest, component, times)
    first = np.full(len(sizes), len(rows.rank))
    np.minimum.at(first, component, rows.rank)
    order = np.lexsort((first, -latest))
    begin = np.empty(len(sizes))
    begin[order] = np.cumsum(sizes[order]) - sizes[order]
    until_test = rows.shares[_TEST] * len(times)
    until_validation = until_test + rows.shares[_VALIDATION] * len(times)
    side = np.select([begin < until_test, begin < until_validation], [_TEST, _VALIDATION], _TRAIN)
    return np.asarray(side[component], dtype=np.int64)


def _by_class(rows: _Free) -> _Ints:
    """Sides [F] with the same mix of classes: what must stay together first, then single rows fill the quotas."""
    quotas = _quotas(np.bincount(rows.y), rows.shares)
    side = np.full(len(rows.y), _NOWHERE, dtype=np.int64)
    members = _members(rows)
    room = quotas.copy()
    for together in (part for part in members if len(part) > 1):
        side[together] = chosen = _roomiest(rows.y[together], room, quotas)
        np.subtract.at(room[chosen], rows.y[together], 1)
    alone = np.array([part[0] for part in members if len(part) == 1], dtype=np.int64)
    side[alone] = _filled(rows.y[alone], room)
    _give_each_class_to_train(rows, side, members)
    _fill_empty_sides(rows, side, members)
    return side


def _quotas(counts: _Ints, shares: _Floats) -> _Ints:
    """Rows of each side and class [S, K] that sum to `counts` [K], with a row of each class in train."""
    quotas = np.zeros((len(SPLITS), len(counts)), dtype=np.int64)
    for side in (_TEST, _VALIDATION):
        spare = np.maximum(counts - quotas.sum(axis=0) - 1, 0)
        quotas[side] = _apportioned(shares[side] * counts, spare)
    quotas[_TRAIN] = counts - quotas.sum(axis=0)
    return quotas


def _apportioned(ideal: _Floats, most: _Ints) -> _Ints:
    """Whole numbers near `ideal` [K], at most `most`, summing to its rounded sum: largest remainders go up."""
    whole = np.minimum(np.floor(ideal).astype(np.int64), most)
    total = max(round(ideal.sum()), 1) if ideal.any() else 0
    remainder = np.where(whole < most, ideal - whole, -np.inf)
    up = np.argsort(-remainder, kind="stable")[: max(total - int(whole.sum()), 0)]
    whole[up[np.isfinite(remainder[up])]] += 1
    return whole


def _members(rows: _Free) -> list[_Ints]:
    """The rows of each component, in seeded order."""
    order = np.lexsort((rows.rank, rows.component))
    starts = np.flatnonzero(np.diff(rows.component[order], prepend=-1))
    parts = np.split(order, starts[1:]) if len(order) else []
    return sorted(parts, key=lambda part: int(rows.rank[part[0]]))


def _roomiest(y: _Ints, room: _Ints, quotas: _Ints) -> int:
    """The side that a component overfills least, and of these the one with the largest part of its quota left."""
    classes, counts = np.unique(y, return_counts=True)
    over = np.maximum(counts - np.maximum(room[:, classes], 0), 0).sum(axis=1).astype(float)
    over[quotas.sum(axis=1) == 0] = np.inf
    left = (counts * room[:, classes] / np.maximum(quotas[:, classes], 1)).sum(axis=1)
    return int(np.lexsort((-left, over))[0])


def _filled(y: _Ints, room: _Ints) -> _Ints:
    """Sides of single rows in seeded order: in each class the first fill test, the next validation."""
    order = np.argsort(y, kind="stable")
    begin = np.searchsorted(y[order], np.arange(room.shape[1]))
    place = np.empty(len(y), dtype=np.int64)
    place[order] = np.arange(len(y)) - begin[y[order]]
    until_test = np.maximum(room[_TEST], 0)
    until_validation = until_test + np.maximum(room[_VALIDATION], 0)
    side = np.select([place < until_test[y], place < until_validation[y]], [_TEST, _VALIDATION], _TRAIN)
    return np.asarray(side, dtype=np.int64)


def _give_each_class_to_train(rows: _Free, side: _Ints, members: list[_Ints]) -> None:
    missing = set(np.flatnonzero((rows.sums(side)[_TRAIN] == 0) & (np.bincount(rows.y) > 0)).tolist())
    for part in sorted(members, key=len) if missing else []:
        if missing & set(rows.y[part].tolist()):
            side[part] = _TRAIN
            missing -= set(rows.y[part].tolist())


def _fill_empty_sides(rows: _Free, side: _Ints, members: list[_Ints]) -> None:
    """Give the smallest component that train can spare, else the other side, to a side that is open and empty."""
    for empty in (_TEST, _VALIDATION):
        if rows.shares[empty] == 0 or (side == empty).any():
            continue
        sums = rows.sums(side)
        for part in sorted(members, key=lambda part: (side[part[0]] != _TRAIN, len(part))):
            giver = side[part[0]]
            left = sums[giver] - np.bincount(rows.y[part], minlength=sums.shape[1])
            if (left[rows.y[part]].min() if giver == _TRAIN else left.sum()) > 0:
                side[part] = empty
                break


def _require_rows(table: Table, side: _Ints, shares: _Floats, leaked: int) -> None:
    wanted = [split for number, split in enumerate(SPLITS) if number != _TEST or shares[_TEST] > 0]
    empty = [split for split in wanted if not (side == SPLITS.index(split)).any()]
    if empty:
        what = "content" if table.frame["group"].null_count() == len(table) else "content or group"
        out = f"{leaked:,} are left out, their {what} is also on a later side; " if leaked else ""
        raise SourceError(
            f"{table.root} has too few rows for a {' and a '.join(empty)} side: {len(table):,} rows; {out}those "
            "with the same content or group stay together, and each class needs one in train. Add data or bring a split"
        )


def _require_classes(table: Table, side: _Ints) -> None:
    """Two classes or more to learn from: the source's own sides, and times, may leave train with one."""
    learnt = np.unique(table.y()[side == _TRAIN])
    if len(learnt) < 2 and table.task == "classification":
        timed = table.frame["time"].null_count() < len(table)
        raise SourceError(
            f'the train side of {table.root} ({table.kind}) has only one class, "{table.classes[learnt[0]]}", in its '
            f"{(side == _TRAIN).sum():,} rows: a classifier needs two or more. Put rows of other classes there"
            f"{', or split without --time: the other classes come later' if timed else ', or bring another split'}"
        )


def _shared(same: _Ints, y: _Ints) -> tuple[int, int]:
    """Labelled rows that share their content with another, and those of a content that has several labels."""
    labelled = y >= 0
    content, classes = same[labelled], y[labelled]
    rows = np.bincount(content)
    labels = np.bincount(np.unique(np.stack([content, classes]), axis=1)[0])
    return int((rows[content] > 1).sum()), int((labels[content] > 1).sum())


def _how(table: Table, given: _Ints, shares: _Floats, grouped: str) -> Iterator[str]:
    own = [SPLITS[side] for side in (_TRAIN, _VALIDATION, _TEST) if (given == side).any()]
    drawn = [f"{SPLITS[side]} {100 * shares[side]:.3g} %" for side in (_TEST, _VALIDATION) if shares[side] > 0]
    timed = table.frame["time"].null_count() < len(table)
    what = _STRATA[table.task]
    if grouped:
        how = f"{grouped}, groups ordered by their latest time" if timed else f"stratified by {what}, {grouped}"
    else:
        how = "the latest by time" if timed else f"stratified by {what}"
    if own:
        yield f"{enumerated(own)} as the source has them"
    if drawn:
        yield f"{' and '.join(drawn)} taken from {'the other rows' if own else 'all rows'}, {how}"


def _grouped_by(table: Table, side: _Ints, group: str) -> str:
    """How rows were grouped, in words; empty where they were not."""
    count = table.frame["group"].filter(side >= 0).drop_nulls().n_unique()
    if not count:
        return ""
    apart = "" if list(_torn(table, side)) else ", none on two sides"
    return f"grouped by {group} ({count:,} group{'s' * (count != 1)}{apart})"


def _out_of_time(table: Table, given: _Ints, side: _Ints) -> Iterator[str]:
    """A caution where a test row is earlier than a training row: what can be learnt then is not the future."""
    times = table.frame["time"].fill_null(np.nan).to_numpy()
    train, test = (times[(side == number) & ~np.isnan(times)] for number in (_TRAIN, _TEST))
    if not len(train) or not len(test) or test.min() >= train.max():
        return
    grouped = table.frame["group"].null_count() < len(table)
    reason = "groups span time" if grouped else "rows with the same content span time"
    if (given == _TEST).any():
        reason = "the source has them so"
    yield f"the test rows are not all later than the training rows: {reason}"


def _duplicate_notes(table: Table, duplicates: Duplicates) -> Iterator[str]:
    if duplicates.count:
        rows = dict(zip(table.frame["id"], table.frame["input"], strict=True))
        pair = enumerated(row_name(row.id, rows[row.id], table.root) for row in duplicate_rows(table)[:2])
        under = f", {duplicates.conflicting:,} of them under several labels" if duplicates.conflicting else ""
        many = f"{duplicates.count:,} rows have the same content as another"
        yield f"{many}{under} (the first: {pair}); see duplicates.csv"
    if duplicates.leaked:
        yield f"rows left out, whose content is also in validation or test: {duplicates.leaked:,}"


def _absent(table: Table, side: _Ints) -> Iterator[str]:
    if table.task == "regression":
        return
    counted = np.stack([table.where(side == number).counts() for number in range(len(SPLITS))])  # [S, K]
    for number, split in enumerate(SPLITS):
        counts = counted[number]
        missing = [table.classes[index] for index in np.flatnonzero(counts == 0)]
        if number != _TRAIN and counts.any() and missing:
            yield f"no example in {split} of {listed(missing)}"
    yield from _unlearnt(table, counted)


def _unlearnt(table: Table, counts: _Ints) -> Iterator[str]:
    """Classes that are asked for and cannot have been learnt, often others misspelt; `counts` [S, K]."""
    known = {merged_key(label): label for label in np.array(table.classes)[counts[_TRAIN] > 0].tolist()}
    unlearnt = np.flatnonzero((counts[_TRAIN] == 0) & (counts.sum(axis=0) > 0))
    for number in unlearnt[:_NAMED].tolist():
        label = table.classes[number]
        where = " and ".join(f"{counts[at, number]:,} in {SPLITS[at]}" for at in (_VALIDATION, _TEST)
                             if counts[at, number])
        same = known.get(merged_key(label))
        near = f' Did you mean "{same}"?' if same else did_you_mean(label, known.values())
        yield f'no example in train of "{label}" ({where}): it cannot be learnt, every answer will be wrong.{near}'
    if others := [table.classes[number] for number in unlearnt[_NAMED:]]:
        yield f"no example in train of {len(others):,} more classes: {listed(others)}"


def _torn(table: Table, side: _Ints) -> Iterator[str]:
    grouped = table.frame["group"].is_not_null().to_numpy() & (side >= 0)
    groups = _numbers(table.frame["group"].fill_null("").to_list())[grouped]
    sides = np.bincount(np.unique(np.stack([groups, side[grouped]]), axis=1)[0]) if grouped.any() else np.zeros(0)
    if torn := int((sides > 1).sum()):
        yield f"groups on several sides, as the source has them: {torn:,}"


def _numbers(texts: Sequence[str]) -> _Ints:
    """Equal texts as equal whole numbers from 0."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
