"""The sample of film reviews: its generator writes it, it varies like real text, and a bag of words cannot solve it."""

import csv
import random
import re
from pathlib import Path

import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from data.samples.reviews import generate

FILE = Path(generate.__file__).with_name("reviews.csv")


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def texts(rows) -> list[str]:
    return [row["text"] for row in rows]


def test_the_generator_writes_the_committed_file_again(tmp_path):
    generate.main(["--out", str(tmp_path / "again.csv")])
    assert (tmp_path / "again.csv").read_bytes() == FILE.read_bytes()


def test_the_command_line_sets_rows_and_seed(tmp_path):
    generate.main(["--rows", "20", "--seed", "3", "--out", str(tmp_path / "few.csv")])
    text = (tmp_path / "few.csv").read_text(encoding="utf-8")
    assert text == generate.sample(rows=20, seed=3) != generate.sample(rows=20, seed=4)
    assert len(list(csv.DictReader(text.splitlines(keepends=True)))) == 20


def test_every_symbol_of_the_grammar_is_defined_for_both_polarities():
    used = {name for rules in generate.GRAMMAR.values() for text in rules for name in re.findall(r"{!?(\w+)}", text)}
    assert [s for s in sorted(used) if s not in generate.GRAMMAR and not {s + "+", s + "-"} <= set(generate.GRAMMAR)] == []


@pytest.mark.parametrize("symbol", ["adj", "noun", "verb", "like", "acts", "act"])
def test_no_word_is_both_positive_and_negative(symbol):
    assert set(generate.GRAMMAR[symbol + "+"]).isdisjoint(generate.GRAMMAR[symbol + "-"])


@pytest.mark.parametrize("praise", [True, False])
@pytest.mark.parametrize(
    ("symbol", "pattern", "reversed_polarity"),
    [
        ("plain", r"the \w+ (?:is|was) (\w+)", [False]),
        ("negated", r"the \w+ (?:is|was) (?:not|hardly|far from) (\w+)", [True]),
        ("negated", r"the \w+ (?:isn't|wasnt) (\w+)", [True]),
        ("emphasis", r"not only was the \w+ (\w+), it was (\w+) too", [False, False]),  # this "not" negates nothing
        ("concession", r"\w+ the \w+ (?:is|was|felt|seemed) (\w+), the \w+ (?:is|was|felt|seemed) (\w+)", [True, False]),
    ],
)
def test_word_order_decides_the_polarity(symbol, pattern, reversed_polarity, praise):
    rng = random.Random(0)
    phrases = (generate.expand(rng, symbol, praise) for _ in range(5000))
    matches = [match.groups() for phrase in phrases if (match := re.fullmatch(pattern, phrase))]
    polar = [[word in generate.GRAMMAR["adj+"] for word in words] for words in matches if words_are_adjectives(words)]
    assert len(polar) >= 3
    assert all(signs == [praise ^ t for t in reversed_polarity] for signs in polar)


def words_are_adjectives(words: tuple[str, ...]) -> bool:
    return all(word in generate.GRAMMAR["adj+"] or word in generate.GRAMMAR["adj-"] for word in words)


def test_every_row_has_only_a_label_and_a_text(rows):
    assert len(rows) == generate.ROWS
    assert {tuple(row) for row in rows} == {("label", "text")}
    assert {row["label"] for row in rows} == {"0", "1"}
    assert all(row["text"].strip() for row in rows)


def test_classes_are_balanced(rows):
    assert 0.45 < sum(row["label"] == "1" for row in rows) / len(rows) < 0.55


@pytest.mark.parametrize("oddity", ["\n", "\n\n", "<br />", '"', ",", "🍿", "🎬", "é", "São Paulo", "wasn't", "wasnt"])
def test_texts_contain_the_oddities_of_real_text(texts, oddity):
    assert sum(oddity in text for text in texts) >= 20


def test_texts_have_from_three_to_sixty_words(texts):
    lengths = [len(re.findall(r"\w+", text.replace("<br />", " "))) for text in texts]
    assert min(lengths) == 3
    assert 50 < max(lengths) <= generate.MAX_WORDS


def test_no_review_occurs_twice(texts):
    assert len({" ".join(re.findall(r"\w+", text.lower().replace("<br />", " "))) for text in texts}) == len(texts)


@pytest.mark.parametrize("counts", [CountVectorizer, TfidfVectorizer])
def test_a_bag_of_words_predicts_the_label_only_partly(rows, texts, counts):
    """A model of word order reaches 0.98 (docs/reference/included.md). The sample is made so that word order matters."""
    labels = [row["label"] for row in rows]
    cut = len(rows) * 7 // 10  # rows are independent, so any 70 % can train
    model = make_pipeline(counts(), LogisticRegression(max_iter=1000)).fit(texts[:cut], labels[:cut])
    assert 0.75 < model.score(texts[cut:], labels[cut:]) < 0.92
