"""The custom model, whose first two builds fail with a transient error. It counts its builds in the file `tries` beside it."""

from pathlib import Path

from trainer_module.models import custom_wide_deep

TRIES = Path(__file__).with_name("tries")


def search_space(hp):
    custom_wide_deep.search_space(hp)


def build(dataset, hp, config):
    with TRIES.open("a") as tries:
        tries.write("x")
    if len(TRIES.read_text()) < 3:
        raise ConnectionResetError(104, "Connection reset by peer")
    return custom_wide_deep.build(dataset, hp, config)
