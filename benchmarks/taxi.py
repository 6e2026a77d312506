"""Compares whole processes: this pipeline and TFX's own taxi pipeline, on the same CSV file.

    .venv/bin/python benchmarks/taxi.py [--repeat 3] [--stock example|template]

Every run is a new process with a new output folder. The two pipelines run in turns, and every second pair runs in reverse
order, so that other work on the machine disturbs both equally. Prints Markdown. Times are measured, never asserted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from data import discovery

BENCHMARKS = Path(__file__).resolve().parent
DATASET = "taxi"
STEPS = ("--set", "train.steps=1000")  # the same number as stock; the default of the taxi dataset is 300
PROC_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class Run:
    """One whole run.

    Attributes:
        wall: seconds from start to end of the process.
        cpu: seconds of processor time, user and system, with child processes.
        rss: largest resident memory of the process or of one of its children, GiB.
        others: seconds of processor time that the rest of the machine used during the run, which may have disturbed it.
        nodes: node id -> seconds.
    """

    wall: float
    cpu: float
    rss: float
    others: float
    nodes: dict[str, float] = field(default_factory=dict)


class BrokenRunError(RuntimeError):
    """A run pushed no model, so its time means nothing."""


def ours(data: Path, output: Path) -> Run:
    """Runs this pipeline like `make run`, but with the number of training steps of stock."""
    run = measure(
        [sys.executable, "-m", "pipeline", "run", "--dataset", DATASET, "--data", data, "--output-dir", output, *STEPS], output
    )
    record = json.loads((output / "run.json").read_text())
    return replace(run, nodes={n["id"]: n["seconds"] for n in record["nodes"]})


def stock(name: str) -> Callable[[Path, Path], Run]:
    """Returns a function that runs TFX's pipeline of this name; see stock_taxi.py."""

    def run(data: Path, output: Path) -> Run:
        measured = measure([sys.executable, BENCHMARKS / "stock_taxi.py", name, data.parent, output], output)
        return replace(measured, nodes=json.loads((output / "nodes.json").read_text()))

    return run


def measure(command: list[str | Path], output: Path) -> Run:
    """Runs a command to its end, with its output in `output`/screen.log. Returns what the kernel counted.

    Raises:
        BrokenRunError: the command failed, or there is no model in `output`/serving.
    """
    # Without bytecode, the import of TFX takes 15 s longer. Some shells switch bytecode off.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    log = output / "screen.log"
    with log.open("wb") as screen:
        started, busy = time.monotonic(), machine_cpu()
        process = subprocess.Popen(
            [str(part) for part in command], stdout=screen, stderr=screen, cwd=discovery.CHECKOUT, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall, busy = time.monotonic() - started, machine_cpu() - busy
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not any(output.glob("serving/*/saved_model.pb")):
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise BrokenRunError(f"{command[1:]} ended with {process.returncode} or pushed no model:\n{tail}")
    cpu = usage.ru_utime + usage.ru_stime
    return Run(wall, cpu, usage.ru_maxrss / 2**20, max(0.0, busy - cpu))


def machine_cpu() -> float:
    """Returns the seconds that all processors have worked since the machine started, or 0 if there is no /proc."""
    if not PROC_STAT.exists():
        return 0.0
    user, nice, system, _idle, _waiting, *interrupts = map(int, PROC_STAT.read_text().split("\n")[0].split()[1:8])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def fresh(runner: Callable[[Path, Path], Run], data: Path) -> Run:
    """Runs once in a new folder, and removes the folder afterwards."""
    output = Path(tempfile.mkdtemp(prefix="benchmark-"))
    try:
        return runner(data, output)
    finally:
        shutil.rmtree(output, ignore_errors=True)


def repeat(runners: dict[str, Callable[[Path, Path], Run]], data: Path, times: int) -> dict[str, list[Run]]:
    """Runs all runners `times` times. Every second time they run in reverse order."""
    runs: dict[str, list[Run]] = {name: [] for name in runners}
    for i in range(times):
        for name in list(runners)[:: -1 if i % 2 else 1]:
            runs[name].append(fresh(runners[name], data))
            run = runs[name][-1]
            print(f"{name} {i + 1}/{times}: {run.wall:.1f} s, the rest of the machine {run.others:.1f} s", file=sys.stderr)
    return runs


def table(header: list[str], rows: list[list[str]]) -> str:
    """Returns a Markdown table with its numbers aligned to the right."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def report(our_runs: list[Run], stock_runs: list[Run], name: str) -> str:
    """Returns two tables: medians of the whole runs with the ratio of every pair, then medians node by node."""
    rows = []
    for title, key, unit in (("wall time", "wall", "s"), ("CPU time", "cpu", "s"), ("peak memory", "rss", "GiB")):
        pairs = [(getattr(a, key), getattr(b, key)) for a, b in zip(our_runs, stock_runs, strict=True)]
        digits = 2 if unit == "GiB" else 1
        a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratios = ", ".join(f"{y / x:.2f}" for x, y in pairs)
        rows.append([title, f"{a:.{digits}f} {unit}", f"{b:.{digits}f} {unit}", ratios])
    others = [f"{statistics.median(r.others for r in runs):.1f} s" for runs in (our_runs, stock_runs)]
    rows.append(["(CPU time of the rest of the machine)", *others, ""])
    totals = table(["", "ours", f"stock {name}", "stock / ours, pair by pair"], rows)

    names = list(dict.fromkeys([*our_runs[0].nodes, *stock_runs[0].nodes]))
    rows = [[n, _seconds(our_runs, n), _seconds(stock_runs, n)] for n in names]
    other_row = ["start, checks, end"]
    for runs in (our_runs, stock_runs):
        other_row.append(f"{statistics.median(r.wall - sum(r.nodes.values()) for r in runs):.1f}")
    return totals + "\n\n" + table(["seconds", "ours", f"stock {name}"], [*rows, other_row])


def _seconds(runs: list[Run], node: str) -> str:
    return f"{statistics.median(r.nodes[node] for r in runs):.1f}" if node in runs[0].nodes else ""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="pairs of runs")
    parser.add_argument("--stock", choices=["example", "template"], default="example", help="which of TFX's pipelines")
    arguments = parser.parse_args()
    data = discovery.sample_path(discovery.dataset(DATASET))
    with data.open("rb") as file:
        rows = sum(1 for _ in file) - 1
    print(f"{rows} rows, {arguments.repeat} pairs, {os.cpu_count()} cores, load at the start {os.getloadavg()[0]:.1f}\n")
    runs = repeat({"ours": ours, "stock": stock(arguments.stock)}, data, arguments.repeat)
    print(report(runs["ours"], runs["stock"], arguments.stock))


if __name__ == "__main__":
    main()
