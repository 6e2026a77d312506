"""Every kind of label: its name, its columns, its task, its width."""

import dataclasses

import pytest

from data import BinaryLabel, ForecastLabel, MulticlassLabel, NumericLabel, RatioLabel

LABELS = {
    "label": BinaryLabel("ripe", dtype="int64"),
    "ratio": RatioLabel("big_tipper", numerator="tips", denominator="fare", threshold=0.2),
    "class": MulticlassLabel("colour", ("red", "green", "blue")),
    "target": NumericLabel("price", log=True),
    "future": ForecastLabel("co2", inputs=10, width=4),
}


def each(**expected):
    return pytest.mark.parametrize(("kind", "expected"), expected.items())


@each(label="ripe", ratio="big_tipper", target="price", future="co2_future", **{"class": "colour"})
def test_the_name_of_a_label(kind, expected):
    assert LABELS[kind].name == expected


@each(
    label={"ripe": "int64"},
    ratio={"tips": "float32", "fare": "float32"},
    target={"price": "float32"},
    future={"co2_future": "float32"},
    **{"class": {"colour": "string"}},
)
def test_the_columns_from_which_a_label_is_computed(kind, expected):
    assert dict(LABELS[kind].columns) == expected


@each(
    label="binary_classification",
    ratio="binary_classification",
    target="regression",
    future="forecast",
    **{"class": "multiclass_classification"},
)
def test_a_label_decides_the_task(kind, expected):
    assert LABELS[kind].task == expected


@each(label=1, ratio=1, target=1, future=4, **{"class": 1})
def test_the_width_of_a_label(kind, expected):
    assert LABELS[kind].width == expected


@pytest.mark.parametrize(("classes", "dtype"), [(("a", "b"), "string"), ((3, 1, 2), "int64")])
def test_classes_are_written_as_text_or_as_whole_numbers(classes, dtype):
    label = MulticlassLabel("y", classes)
    assert label.dtype == dtype
    assert label.columns == (("y", dtype),)


@pytest.mark.parametrize("classes", [(), ("one",), ("a", "b", "a"), (1, 1)])
def test_too_few_or_repeated_classes_are_refused(classes):
    with pytest.raises(ValueError, match=r"classes must be at least two different values\. Received: "):
        MulticlassLabel("y", classes)


@pytest.mark.parametrize("declared", LABELS.values(), ids=LABELS)
def test_a_label_is_frozen(declared):
    field = dataclasses.fields(declared)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(declared, field, None)
