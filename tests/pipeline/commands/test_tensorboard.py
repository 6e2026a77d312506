"""`python -m pipeline tensorboard`: what it shows, who can connect, how it ends, and its errors."""

import json
import re
import signal
import socket
import subprocess
import time
import urllib.request

import pytest

from tests.support import cli

PATIENCE_S = 60


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """An output folder with the events of a training: one scalar, 1.5 at step 7."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("out")
    with tf.Graph().as_default():
        writer = tf.compat.v1.summary.FileWriter(str(folder / "checkpoints" / "0123abcd"))
        value = tf.compat.v1.Summary.Value(tag="gradient_norm", simple_value=1.5)
        writer.add_summary(tf.compat.v1.Summary(value=[value]), 7)
        writer.close()
    return folder


@pytest.fixture(scope="module")
def board(output):
    """A running server: the process and its address."""
    process = subprocess.Popen(
        cli.command("tensorboard", "--output-dir", output, "--port", 0),
        cwd=cli.ROOT, env=cli.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = process.stdout.readline()
    yield process, re.search(r"http://\S+/", line)[0]
    process.kill()
    process.wait()


def ask(address, until=bool):
    """Asks until the answer satisfies `until`, for at most PATIENCE_S: TensorBoard reads the events in the background."""
    end = time.monotonic() + PATIENCE_S
    while True:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            content = json.load(answer)
        if until(content) or time.monotonic() > end:
            return content
        time.sleep(0.2)


def test_it_shows_every_training_of_the_folder(board):
    _, address = board
    assert ask(f"{address}data/runs") == ["0123abcd"]
    [[_, step, value]] = ask(f"{address}data/plugin/scalars/scalars?run=0123abcd&tag=gradient_norm")
    assert (step, value) == (7, 1.5)


def test_only_this_machine_can_connect(board):
    _, address = board
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)


def test_a_port_in_use_is_named(board, output):
    port = board[1].rstrip("/").rpartition(":")[2]
    second = cli.call("tensorboard", "--output-dir", output, "--port", port)
    assert (second.code, second.out) == (2, "")
    assert f"Port {port} of 127.0.0.1 cannot be used: Address already in use." in second.err
    assert "--port" in second.err
    assert "Traceback" not in second.err


def test_a_folder_without_a_training_is_named(tmp_path):
    empty = cli.call("tensorboard", "--output-dir", tmp_path / "none", "--dataset", "housing")
    assert (empty.code, empty.out) == (2, "")
    assert f"nothing to show in {tmp_path / 'none' / 'checkpoints'} yet" in empty.err
    assert "python -m pipeline run --dataset housing" in empty.err
    assert not (tmp_path / "none").exists()


def test_the_error_for_an_unknown_dataset_names_the_known_ones():
    unknown = cli.call("tensorboard", "--dataset", "taxo")
    assert unknown.code == 2
    assert "Did you mean 'taxi'?" in unknown.err


def test_a_number_above_65535_is_not_a_port(output):
    assert cli.call("tensorboard", "--output-dir", output, "--port", "70000").code == 2


def test_ctrl_c_ends_it_quietly_and_frees_the_port(board):
    process, address = board
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out, err) == (0, "", "")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(address.rstrip("/").rpartition(":")[2]))) != 0
