"""MLMD on real servers: two simultaneous runs do not disturb each other, and a later run finds what an earlier run stored."""

import subprocess

import pytest

from pipeline import node_ids
from tests.orchestrators import databases, mlmd_server, processes
from tests.support import cli

pytestmark = pytest.mark.e2e

QUICK = ("--dataset", "toy.fruit", "--set", "train.steps=60", "--set", "train.batch_size=50")
_SECONDS = 600


@pytest.fixture(params=["mysql", "postgresql", "grpc"])
def server(request, tmp_path, monkeypatch):
    """The URI of an empty metadata store. The password of its user is in METADATA_PASSWORD."""
    monkeypatch.setenv("METADATA_PASSWORD", databases.PASSWORD)
    if request.param == "grpc":
        with mlmd_server.running(f"sqlite://{tmp_path}/served.sqlite") as uri:
            yield uri
        return
    with databases.or_skip(getattr(databases, request.param)(processes.free_port())) as uri:
        yield uri


def test_two_runs_share_a_server_at_once_and_a_third_finds_its_own_results(server, toy, tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    arguments = (*QUICK, "--set", f"metadata.uri={server}")
    both = [
        subprocess.Popen(
            cli.command("run", "--output-dir", output, *arguments), cwd=cli.ROOT, env=cli.environment(toy),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for output in (one, other)
    ]  # fmt: skip
    for process in both:
        output_text, _ = process.communicate(timeout=_SECONDS)
        assert process.returncode == 0, output_text
    for output in (one, other):
        assert len(cli.served_versions(output)) == 1
        assert not (output / "metadata.sqlite").exists()
        assert databases.PASSWORD not in "".join(p.read_text(errors="replace") for p in output.glob("logs/*.log"))
    again = cli.run(one, *arguments, path=toy)
    assert (again.code, again.record["status"]) == (0, "unchanged"), again.err
    assert again.states()[node_ids.TRAINER] == "cached"
    assert cli.served_versions(one) == [again.record["pushed_path"].rpartition("/")[2]], "its own champion"
