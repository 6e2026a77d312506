"""The toys: their CSV files are what the writers write, and the copy for runs holds all of them."""

import pytest

from tests.support import samples, toys

WRITERS = {
    "fruit": samples.write_fruit,
    "species": samples.write_species,
    "opinion": samples.write_opinion,
    "tide": samples.write_tide,
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_file_of_a_toy_is_what_its_writer_writes(name, tmp_path):
    written = WRITERS[name](tmp_path / "written.csv")
    assert (toys.PACKAGE / f"{name}.csv").read_bytes() == written.read_bytes()


def test_a_dataset_reads_the_file_beside_it():
    for dataset in toys.DATASETS.values():
        assert (toys.PACKAGE / dataset.sample).parent == toys.PACKAGE


def test_the_copy_for_runs_is_whole(tmp_path):
    copy = toys.copy_to(tmp_path) / "toy"
    assert sorted(file.name for file in copy.iterdir()) == sorted(
        file.name for file in toys.PACKAGE.iterdir() if file.name != "__pycache__"
    )
