"""Texts to ids: what is read from which bytes, what a tokenizer learns, what is kept of a text."""

import gzip
import json
import random
from dataclasses import replace

import numpy as np
import pytest

from unfazed.errors import InputError, RunError, SourceError
from unfazed.modality.text import (
    FIRST,
    LARGEST,
    PADDING,
    TextPreprocessor,
    encode,
    fit,
    joined,
    length,
    load,
    read,
)
from unfazed.recipe import Recipe

TEXTS = [f"the {animal} sat on the {place}" for animal in ("cat", "dog", "cow") for place in ("mat", "log", "sofa")]


@pytest.fixture(scope="module")
def fitted() -> TextPreprocessor:
    return fit(TEXTS, Recipe())


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("utf-8-sig"), "Grüße"),
        ("Grüße".encode("utf-16"), "Grüße"),
        ("Grüße".encode("utf-32"), "Grüße"),
        ("Grüße – “so”".encode("cp1252"), "Grüße – “so”"),
        ("viele schöne grüße".encode() + b"\xff", "viele schöne grüße\ufffd"),
    ],
)
def test_bytes_are_read_in_the_encoding_that_they_are_in(data: bytes, text: str) -> None:
    assert read(data) == text


def test_half_a_character_becomes_a_question_mark() -> None:
    assert read("a\ud800b") == "a?b"
    assert load("a\ud800b") == b"a?b"


def test_binary_data_are_no_text() -> None:
    with pytest.raises(InputError, match="not a text: starts with"):
        read(b"\x89PNG\r\n\x1a\n\0\0")


@pytest.mark.parametrize("nothing", ["", " \n", "\u3000", {"a": None, "b": " "}])
def test_a_text_without_a_character_is_refused(nothing: object) -> None:
    with pytest.raises(InputError, match="empty"):
        read(nothing)  # type: ignore[arg-type]


def test_columns_are_joined_with_their_names_without_the_empty_ones() -> None:
    assert joined({"title": "News", "body": None, "stars": 4}) == "title: News\nstars: 4"
    assert joined({"body": "only this"}) == "only this"
    assert read({"title": "News", "body": ""}) == "title: News"


def test_frequent_words_become_one_id_and_any_other_text_still_has_ids(fitted: TextPreprocessor) -> None:
    assert length(encode("the sat", fitted)[None]) == [2]
    assert length(encode("zebra", fitted)[None]) > 2
    assert length(encode("日本", fitted)[None]) == [7]  # a space, and three bytes each


def test_case_width_and_white_space_make_no_difference(fitted: TextPreprocessor) -> None:
    plain = encode("the cat sat", fitted)
    assert np.array_equal(encode("  THE\n\nＣａｔ\t sat ", fitted), plain)


def test_ids_begin_after_those_that_stand_for_no_subword(fitted: TextPreprocessor) -> None:
    x = encode(TEXTS[0], fitted)
    used = x[: length(x[None])[0]]
    assert np.abs(used).min() >= FIRST
    assert (x[len(used) :] == PADDING).all()
    assert max(fitted.vocabulary.values()) == FIRST + len(fitted.vocabulary) - 1


@pytest.mark.parametrize(
    ("text", "words"),
    [("the zebra's cat?!", ["the", "zebra", "'s", "cat", "?!"]), ("ab12", ["ab", "12"]), ("größte", ["größte"])],
)
def test_negative_ids_go_on_with_a_word(text: str, words: list[str], fitted: TextPreprocessor) -> None:
    x = encode(text, replace(fitted, tokens=32))
    names = {number: name for name, number in fitted.vocabulary.items()}
    found = ["".join(names[abs(number)] for number in word) for word in np.split(x[x != 0], np.flatnonzero(x > 0)[1:])]
    assert [len(word.removeprefix("Ġ")) for word in found] == [len(word.encode()) for word in words]


def test_in_scripts_without_spaces_every_subword_is_a_word(fitted: TextPreprocessor) -> None:
    assert (encode("日本 ภาษา", fitted) >= 0).all()


def test_length_is_what_stands_before_the_padding() -> None:
    x = np.array([[5, 6, 0, 0], [5, 1, 7, 8], [0, 0, 0, 0]], np.int32)
    assert length(x).tolist() == [2, 4, 0]


def test_nearly_all_texts_are_kept_whole_and_none_over_the_limit() -> None:
    texts = ["a few words"] * 200 + ["word " * 50]
    assert fit(texts, Recipe()).tokens == 8
    assert fit(["word " * 5000] * 4, Recipe()).tokens == LARGEST


def test_a_long_text_is_cut_at_its_end(fitted: TextPreprocessor) -> None:
    x = encode("the cat " * 1000, fitted)
    assert length(x[None]) == [fitted.tokens]
    assert np.array_equal(x[:2], encode("the cat", fitted)[:2])


def test_merges_are_learnt_from_the_training_texts_alone_and_the_same_each_time() -> None:
    assert fit(TEXTS, Recipe()) == fit(TEXTS, Recipe())
    assert "Ġcat" in fit(TEXTS, Recipe()).vocabulary
    assert "Ġcat" not in fit([text.replace("cat", "owl") for text in TEXTS], Recipe()).vocabulary


def test_all_texts_count_where_there_are_more_than_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfazed.modality.text.LEARNT_CHARACTERS", 1000)
    assert "Ġlate" in fit(["early"] * 500 + ["late"] * 500, Recipe()).vocabulary


def test_there_are_no_more_subwords_than_are_to_be_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfazed.modality.text.VOCABULARY", 260)
    assert len(fit(TEXTS, Recipe()).vocabulary) == 260


@pytest.mark.parametrize("compressed", [gzip.compress(bytes(range(256)) * 40), random.Random(0).randbytes(3000)])
def test_a_file_that_is_no_text_is_refused_though_it_has_few_null_bytes(compressed: bytes) -> None:
    assert compressed.count(0) < 0.05 * len(compressed)
    with pytest.raises(InputError, match="not a text: starts with"):
        read(compressed)


def test_logs_of_a_terminal_and_a_stray_null_byte_are_text() -> None:
    assert read(b"\x1b[31mred\x1b[0m\r\n\tdone\0" + b" text" * 9).endswith(" text")


def test_there_must_be_a_text() -> None:
    with pytest.raises(SourceError, match="no readable text"):
        fit([], Recipe())


def test_a_preprocessor_survives_json_with_its_columns() -> None:
    fitted = fit([f"title: {text}\nbody: {text}" for text in TEXTS], Recipe(), ["title", "body"])
    again = TextPreprocessor.from_json(fitted.to_json())
    assert again == fitted
    assert again.columns == ("title", "body")
    assert np.array_equal(encode("a dog sat", again), encode("a dog sat", fitted))


@pytest.mark.parametrize(
    "damage",
    [{"tokens": 0}, {"tokens": 8.0}, {"tokens": True}, {"tokens": 10**9}, {"merges": None}, {"merges": [["a", "b"]]},
     {"merges": ["Ġ nothing"]}, {"merges": ["ab"]}, {"merges": ["a b c"]}, {"columns": "title"}, {"columns": [1]}],
)  # fmt: skip
def test_a_damaged_preprocessor_is_refused(fitted: TextPreprocessor, damage: dict[str, object]) -> None:
    values = json.loads(fitted.to_json())
    with pytest.raises(RunError, match="damaged"):
        TextPreprocessor.from_json(json.dumps({**values, **damage}))
