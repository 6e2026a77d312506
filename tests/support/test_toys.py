"""The toys' CSV files are equal to what their writers write, and the copy for runs is complete."""

import pytest

from tests.support import samples, toys

WRITERS = {
    "fruit": samples.write_fruit,
    "species": samples.write_species,
    "opinion": samples.write_opinion,
    "tide": samples.write_tide,
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_csv_file_of_a_toy_is_equal_to_what_its_writer_writes(name, tmp_path):
    written = WRITERS[name](tmp_path / "written.csv")
    assert (toys.PACKAGE / f"{name}.csv").read_bytes() == written.read_bytes()


def test_a_dataset_reads_the_file_beside_it():
    for dataset in toys.DATASETS.values():
        assert (toys.PACKAGE / dataset.sample).parent == toys.PACKAGE


def test_the_copy_for_runs_has_every_file(tmp_path):
    copy = toys.copy_to(tmp_path) / "toy"
    assert sorted(file.name for file in copy.iterdir()) == sorted(
        file.name for file in toys.PACKAGE.iterdir() if file.name != "__pycache__"
    )
