"""The bag of words and its convolutions."""

import pytest
import torch
from conformance.model import assert_conforms
from torch import Tensor

from unfazed.criterion import probabilities
from unfazed.errors import UsageError
from unfazed.model.texts import Bag, TextNet, default_buckets, default_encoders, hashed_words


def ids(count: int = 6, longest: int = 12) -> Tensor:
    x = torch.randint(2, 50, (count, longest), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    for row in range(count):
        x[row, 2 + row :] = 0
    return x


@pytest.mark.parametrize("encoders", [0, 1, 2])
def test_it_conforms(encoders: int) -> None:
    x = ids()
    assert_conforms(lambda: TextNet(3, 50, 64, 16, encoders, 0.3), x, 3)


@pytest.mark.parametrize("encoders", [0, 1, 2])
def test_padding_changes_nothing(encoders: int) -> None:
    x = ids()
    model = TextNet(3, 50, 64, 16, encoders, 0.0).eval()
    length = (x != 0).sum(1)
    alone = torch.cat([model(x[row : row + 1, : length[row]], length[row : row + 1]) for row in range(len(x))])
    padded = torch.nn.functional.pad(x, (0, 9))
    assert torch.allclose(model(x, length), alone, atol=1e-5)
    assert torch.allclose(model(padded, length), alone, atol=1e-5)
    assert torch.allclose(model(padded), alone, atol=1e-5), "lengths are counted where they are not given"


def test_a_text_without_ids_has_an_answer() -> None:
    model = TextNet(3, 50, 64, 16, 1, 0.0).eval()
    assert model(torch.zeros(2, 4, dtype=torch.int32)).isfinite().all()


def test_the_order_of_neighbours_counts() -> None:
    model = TextNet(3, 50, 64, 16, 0, 0.0).eval()
    torch.nn.init.normal_(model.bag.vectors)
    assert not torch.allclose(model(torch.tensor([[5, 6, 7]])), model(torch.tensor([[7, 6, 5]])), atol=1e-3)


def test_terms_weigh_as_tf_idf_has_it() -> None:
    bag = Bag(1 << 16, 4)
    bag.initialise(torch.tensor([[5, 5, 6], [5, 7, 0], [5, 8, -6]]))

    def idf(*word: int) -> float:
        terms, _ = bag.terms(torch.tensor([word]))
        return bag.idf[terms[0, 0]].item()

    assert idf(5) == pytest.approx(1.0)  # in every text, however often
    assert idf(6) == pytest.approx(1 + torch.tensor(4 / 2).log().item())
    assert idf(8, -6) == idf(6), "a word of two subwords is one term"
    assert idf(9) == idf(8) == idf(6, -8) == 0, "never seen as whole words"
    assert (bag.idf > 0).sum() == 9, "four words, five pairs: the start of a text is a neighbour, padding is none"


def test_a_word_is_its_subwords_in_order_wherever_it_stands() -> None:
    words = hashed_words(torch.tensor([[5, -6, 7, 5, -6, 0], [6, -5, 5, 6, -6, -5]]))
    assert words[0].tolist() == [words[0, 0], words[0, 1], words[0, 0], 0, 0, 0]
    assert len({0, *words[0].tolist(), *words[1].tolist()}) == 6, "each other word is another"


def test_the_bag_weighs_as_much_as_all_convolutions() -> None:
    model = TextNet(3, 50, 64, 16, 2, 0.0).eval()
    for layer in model.head.layers[1:]:
        torch.nn.init.zeros_(layer.weight)
        torch.nn.init.zeros_(layer.bias)  # these say a third each
    bag = TextNet.from_arguments({**model.arguments, "encoders": 0}).eval()
    bag.load_state_dict(model.state_dict(), strict=False)
    assert torch.allclose(probabilities(model(ids())), (probabilities(bag(ids())) + 1 / 3) / 2)


def test_buckets_grow_with_the_texts_within_bounds() -> None:
    sizes = [default_buckets(ids, 6) for ids in (10, 10_000, 100_000, 1e9)]
    assert sizes == [1024, 16384, 131072, 1 << 18]
    assert default_buckets(1e9, 128) == 16384, "many classes share fewer"


def test_convolutions_are_left_out_where_they_take_long() -> None:
    assert [default_encoders(ids, gpu=False) for ids in (1e6, 1e7, 1e8)] == [2, 1, 0]
    assert default_encoders(1e8, gpu=True) == 1


def test_it_is_rebuilt_from_its_arguments() -> None:
    model = TextNet(3, 50, 64, 16, 1, 0.1)
    again = TextNet.from_arguments(model.arguments)
    assert {name: value.shape for name, value in again.state_dict().items()} == {
        name: value.shape for name, value in model.state_dict().items()
    }


def test_arguments_of_a_stranger_are_checked_all_at_once() -> None:
    with pytest.raises(UsageError, match=r"classes .* vocabulary .* width .* dropout"):
        TextNet(0, 10**12, 64, "wide", 1, 1.5)  # type: ignore[arg-type]
