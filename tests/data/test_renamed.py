"""The error for a former name of a class or an argument of a dataset gives the present name."""

import copy
import dataclasses
import pickle

import pytest

import data
from data import BinaryLabel, Bound, Dataset, ForecastLabel, Numeric, Series, renamed
from data import metric_names as names

SERIES = {"time": "day", "value": "level", "inputs": 3, "outputs": 1}
DATASET = {"name": "d", "features": (Numeric("age"),), "label": BinaryLabel("left"), "sample": "d.csv"}


@pytest.mark.parametrize(("former", "present"), renamed.NAMES.items())
def test_the_error_for_an_import_of_a_former_name_gives_the_present_name(former, present):
    with pytest.raises(ImportError) as error:
        exec(f"from data import {former}")
    assert str(error.value) == f"`{former}` is now called `{present}`: write `from data import {present}`."
    assert present in data.__all__


def test_a_name_that_never_existed_is_an_ordinary_import_error():
    assert not hasattr(data, "Labell")
    with pytest.raises(ImportError, match=r"cannot import name 'Labell' from 'data'"):
        exec("from data import Labell")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bound(names.AUC, may_lose=0.1), "The argument `may_lose` of Bound is now called `max_degradation`."),
        (
            lambda: Bound(names.AUC, may_lose_share=0.1),
            "The argument `may_lose_share` of Bound is now called `max_degradation_ratio`.",
        ),
        (
            lambda: Dataset(**DATASET, all_missing="refuse"),
            "The argument `all_missing` of Dataset is now called `empty_row`.",
        ),
        (
            lambda: Dataset(**DATASET, task="binary_classification"),
            "The argument `task` of Dataset was removed: the label decides the task.",
        ),
        (
            lambda: dataclasses.replace(Dataset(**DATASET), task="regression"),
            "The argument `task` of Dataset was removed: the label decides the task.",
        ),
        (lambda: Series(**SERIES, past=("rain",)), "The argument `past` of Series is now called `past_covariates`."),
        (lambda: Series(**SERIES, known=("rain",)), "The argument `known` of Series is now called `known_covariates`."),
        (lambda: ForecastLabel("level", past=3, width=1), "The argument `past` of ForecastLabel is now called `inputs`."),
    ],
)
def test_the_error_for_a_former_argument_gives_the_present_argument(make, message):
    with pytest.raises(TypeError) as error:
        make()
    assert str(error.value) == message


def test_an_argument_that_never_existed_is_an_ordinary_type_error():
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'at_lest'"):
        Bound(names.AUC, at_lest=0.5)


@pytest.mark.parametrize(("name", "former"), [(name, former) for name, table in renamed.ARGUMENTS.items() for former in table])
def test_no_former_argument_is_an_argument_again(name, former):
    cls = getattr(data, name)
    assert former not in {field.name for field in dataclasses.fields(cls)}


DECLARATIONS = {
    "Bound": Bound(names.AUC, max_degradation=0.1),
    "Dataset": Dataset(**DATASET),
    "ForecastLabel": Series(**SERIES).label,
    "Series": Series(**SERIES),
}


@pytest.mark.parametrize(
    ("name", "former", "replaced"),
    [(name, *row) for name, table in renamed.ARGUMENTS.items() for row in table.items() if row[0] != "task"],
)
def test_the_error_for_a_former_attribute_gives_the_present_attribute(name, former, replaced):
    declared = DECLARATIONS[name]
    assert not hasattr(declared, former)
    with pytest.raises(AttributeError) as error:
        getattr(declared, former)
    assert str(error.value) == f"The attribute `{former}` of {name} {replaced}."


@pytest.mark.parametrize("declared", DECLARATIONS.values(), ids=DECLARATIONS)
def test_a_declaration_can_be_copied_and_pickled(declared):
    assert copy.deepcopy(declared) == declared
    assert pickle.loads(pickle.dumps(declared)) == declared


def test_an_attribute_that_never_existed_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match=r"'Series' object has no attribute 'pasts'"):
        _ = Series(**SERIES).pasts
    assert Dataset(**DATASET).task == "binary_classification"
