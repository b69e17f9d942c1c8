"""The bag of n-grams and its convolutions."""

import pytest
import torch
from conformance.model import assert_conforms
from torch import Tensor

from unfazed.errors import UsageError
from unfazed.model.texts import Bag, TextNet, default_buckets, default_filters


def ids(count: int = 6, longest: int = 12) -> Tensor:
    x = torch.randint(2, 50, (count, longest), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    for row in range(count):
        x[row, 2 + row :] = 0
    return x


@pytest.mark.parametrize("filters", [0, 8])
def test_it_conforms(filters: int) -> None:
    x = ids()
    assert_conforms(lambda: TextNet(3, 50, 64, 16, filters, 0.3), x, 3)


@pytest.mark.parametrize("filters", [0, 8])
def test_padding_changes_nothing(filters: int) -> None:
    x = ids()
    model = TextNet(3, 50, 64, 16, filters, 0.0).eval()
    length = (x != 0).sum(1)
    alone = torch.cat([model(x[row : row + 1, : length[row]], length[row : row + 1]) for row in range(len(x))])
    padded = torch.nn.functional.pad(x, (0, 9))
    assert torch.allclose(model(x, length), alone, atol=1e-5)
    assert torch.allclose(model(padded, length), alone, atol=1e-5)
    assert torch.allclose(model(padded), alone, atol=1e-5), "lengths are counted where they are not given"


def test_a_text_without_ids_has_an_answer() -> None:
    model = TextNet(3, 50, 64, 16, 8, 0.0).eval()
    assert model(torch.zeros(2, 4, dtype=torch.int32)).isfinite().all()


def test_the_order_of_neighbours_counts() -> None:
    model = TextNet(3, 50, 64, 16, 0, 0.0).eval()
    torch.nn.init.normal_(model.bag.vectors)
    assert not torch.allclose(model(torch.tensor([[5, 6, 7]])), model(torch.tensor([[7, 6, 5]])), atol=1e-3)


def test_terms_weigh_as_tf_idf_has_it() -> None:
    bag = Bag(10, 16, 4)
    bag.initialise(torch.tensor([[5, 5, 6], [5, 7, 0], [5, 8, 0]]))
    assert bag.idf[5] == pytest.approx(1.0)  # in every text, however often
    assert bag.idf[6] == pytest.approx(1 + torch.tensor(4 / 2).log().item())
    assert bag.idf[9] == 0  # never seen
    assert bag.idf[0] == 0  # padding


def test_buckets_grow_with_the_texts_within_bounds() -> None:
    sizes = [default_buckets(ids, 6) for ids in (10, 10_000, 100_000, 1e9)]
    assert sizes == [1024, 8192, 65536, 1 << 17]
    assert default_buckets(1e9, 128) == 8192, "many classes share fewer"


def test_convolutions_are_left_out_where_they_take_long() -> None:
    assert default_filters(1e6, gpu=False) > 0
    assert default_filters(1e8, gpu=False) == 0
    assert default_filters(1e8, gpu=True) > 0


def test_it_is_rebuilt_from_its_arguments() -> None:
    model = TextNet(3, 50, 64, 16, 8, 0.1)
    again = TextNet.from_arguments(model.arguments)
    assert {name: value.shape for name, value in again.state_dict().items()} == {
        name: value.shape for name, value in model.state_dict().items()
    }


def test_arguments_of_a_stranger_are_checked_all_at_once() -> None:
    with pytest.raises(UsageError, match=r"classes .* vocabulary .* width .* dropout"):
        TextNet(0, 10**12, 64, "wide", 8, 1.5)  # type: ignore[arg-type]
