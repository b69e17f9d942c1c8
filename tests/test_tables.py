"""The network for rows of tables: bins, members, and values it was not told of."""

import pytest
import torch

from unfazed.errors import UsageError
from unfazed.model.tables import Size, TableNet, bin_ends

SMALL = Size(members=4, width=8, depth=2, bins=6, embedding=3)


def net(codes=(0, 4, 0), classes=3, size=SMALL, dropout=0.1):
    torch.manual_seed(0)
    return TableNet(classes, codes, size, dropout)


def rows(n=200, seed=1):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 3, generator=draw)
    x[:, 1] = torch.randint(0, 4, (n,), generator=draw).float()
    x[::5, 2] = torch.nan
    return x


def initialised(**settings):
    model = net(**settings)
    model.initialise(rows())
    return model.eval()


def test_few_values_get_a_bin_between_each_two():
    assert bin_ends(torch.tensor([3.0, 1.0, 2.0, 2.0, 1.0]), 6).tolist() == [1.0, 2.0, 3.0]


def test_many_values_get_bins_by_rows_and_by_values():
    values = torch.cat([torch.zeros(9000), torch.arange(1.0, 1001.0)])
    ends = bin_ends(values, 16)
    assert len(ends) <= 17
    assert ends[0] == 0 and ends[-1] == 1000
    assert (ends > 0).sum() >= 8, "most are zero; the others still have bins"


def test_members_differ_before_training_and_each_has_its_own_output():
    output = initialised()(rows())
    assert output.shape == (200, 4, 3)
    assert output.std(1).min() > 0


def test_one_output_will_do_for_a_number():
    assert initialised(classes=1)(rows()).shape == (200, 4, 1)


def test_a_number_beyond_the_training_rows_counts_as_the_outermost():
    model, x = initialised(), rows()
    x[:, 0] = x[:, 0].max()
    far = x.clone()
    far[:, 0] = 1e15
    assert torch.allclose(model(far), model(x), atol=1e-5)


def test_missing_unseen_and_impossible_values_give_finite_outputs():
    model = initialised()
    x = torch.tensor([[torch.nan] * 3, [0.0, 0.0, 0.0], [0.0, 99.0, 0.0], [0.0, -7.0, 0.0], [torch.inf] * 3])
    output = model(x)
    assert output.isfinite().all()
    assert torch.equal(output[2], output[1]), "a code that there is not is an unseen category"
    assert torch.equal(output[3], output[1])


def test_what_is_missing_in_training_is_learnt_from():
    torch.manual_seed(0)
    x = torch.randn(400, 1)
    y = torch.randint(0, 2, (400,))
    x[y == 1] = torch.nan
    model = net(codes=(0,), classes=2)
    model.initialise(x)
    optimizer = torch.optim.AdamW(model.parameters(), 0.03)
    for _ in range(60):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(x).mean(1), y).backward()
        optimizer.step()
    assert (model.eval()(x).mean(1).argmax(1) == y).all()


def test_a_feature_without_any_value_changes_nothing():
    model, x = net(), rows()
    x[:, 2] = torch.nan
    model.initialise(x)
    assert model(x).isfinite().all()


@pytest.mark.parametrize("codes", [(0, 0), (3, 5), (1,), [0]])
def test_tables_of_numbers_or_categories_alone(codes):
    model = net(codes=codes)
    x = torch.zeros(5, len(codes))
    model.initialise(x)
    assert model.eval()(x).shape == (5, 4, 3)


def test_it_is_built_again_from_its_arguments_without_memory():
    model = initialised()
    with torch.device("meta"):
        again = TableNet.from_arguments(model.arguments)
    again.load_state_dict(model.state_dict(), assign=True)
    assert torch.equal(again.eval()(rows()), model(rows()))
    assert again.embed(rows()).shape == (200, again.embedding_width)


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ({"classes": 0}, "classes must be"), ({"codes": []}, "codes must be"), ({"codes": [-1]}, "codes must be"),
        ({"codes": [True]}, "codes must be"), ({"codes": 7}, "codes must be"), ({"members": 10**9}, "members must be"),
        ({"width": 1.5}, "width must be"), ({"dropout": 1.0}, "dropout must be"), ({"dropout": "x"}, "dropout must be"),
        ({"classes": 0, "bins": 0}, "classes must be .*; bins must be"), ({"codes": [0] * 200_000}, "codes must be"),
    ],
)  # fmt: skip
def test_arguments_are_checked_and_all_bad_ones_named(changed, answer):
    with pytest.raises(UsageError, match=answer):
        TableNet.from_arguments({**net().arguments, **changed})
