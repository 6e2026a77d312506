"""Injects faults into trainings: processes are killed, late or missing, and the training must reach its end.

    .venv/bin/python benchmarks/faults.py [--steps 3000] [--seed 1] [--only TEXT] [--output-dir DIR]

Trains `custom_wide_deep` on the taxi sample once per case, in a cluster of real processes on this machine. A fault hits one
process at a random step. Prints a Markdown table.

Exit status: 0; 1 if a promise is broken; 2 if the examples could not be prepared. Each broken promise is one line on standard
error. The promises:

- the training ends at its last step, or at most one step per process later;
- it continues from the newest checkpoint;
- its export can be loaded, and no export is incomplete;
- no process is left behind;
- a training that cannot continue fails in time, with the reason.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import structs

from benchmarks import search_faults
from data import discovery
from pipeline import errors, node_ids
from tests.support.faults import DEVICES, MIRRORED, PS, Case, Result, run, training
from trainer_module.training.settings import Cluster

_DATASET, _MODEL, _BATCH = "taxi", "custom_wide_deep", 200


CASES = [
    Case(PS),
    *(Case(PS, "kill", target) for target in ("worker-1", "chief-0", "ps-0", "evaluator-0")),
    Case(PS, "freeze", "ps-0", stall_seconds=30),
    Case(PS, "late", "worker-0"),
    Case(structs.replace(PS, start_seconds=25), "never", "worker-0"),
    Case(PS, "kill node"),
    Case(PS, "end node"),
    Case(MIRRORED),
    *(Case(MIRRORED, "kill", target) for target in ("worker-0", "chief-0")),
    # Processes in lockstep cannot train if one of them is missing.
    Case(structs.replace(MIRRORED, start_seconds=25), "never", "worker-0", fails="worker-0 did not start within 25 s"),
    Case(DEVICES),
    Case(DEVICES, "kill", "local-0"),
]


def prepare(output: Path) -> None:
    """Runs the pipeline up to Transform.

    Raises:
        SystemExit: the run failed.
    """
    options = ("--dataset", _DATASET, "--to", node_ids.TRANSFORM, "--output-dir", str(output))
    command = [sys.executable, "-m", "pipeline", "run", *options]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(command, cwd=discovery.CHECKOUT, env=environment, capture_output=True, text=True)
    if run.returncode != errors.OK:
        print(f"The examples could not be prepared: {run.stderr.strip()}", file=sys.stderr)
        raise SystemExit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the cases. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1, help="seed of the steps at which the faults happen")
    parser.add_argument("--only", default="", help="run only cases whose name contains this text")
    parser.add_argument("--output-dir", type=Path, help="folder for the trainings; by default a temporary one")
    options = parser.parse_args(arguments)
    logging.getLogger("trainer_module").propagate = False  # otherwise its log would be between the rows of the table
    output = options.output_dir or Path(tempfile.mkdtemp(prefix="faults-"))
    results = list(_results(options, output))
    for result in results:
        for problem in result.broken:
            print(f"{result.case.name}: {problem}", file=sys.stderr)
    return 1 if any(result.broken for result in results) else 0


def _results(options: argparse.Namespace, output: Path) -> Iterator[Result]:
    """Runs the cases, and prints the row of each after it."""
    prepare(output / "pipeline")
    generator = random.Random(options.seed)
    print("| strategy | fault | to | the training | steps | lost | seconds |\n| --- | --- | --- | --- | ---: | ---: | ---: |")
    for case in CASES:
        fault_step = generator.randrange(options.steps // 4, options.steps * 3 // 4)
        if options.only not in case.name:
            continue
        training_job = training(
            case, output / "pipeline", output / case.name,
            dataset=_DATASET, model=_MODEL, steps=options.steps, batch_size=_BATCH,
        )  # fmt: skip
        result = run(case, training_job, fault_step)
        print(result.row(), flush=True)
        yield result
    search_case = Case(Cluster(), "kill", node_ids.TUNER)
    if options.only in search_case.name:
        result = search_faults.run(
            Result(search_case), output / "pipeline", output / "search",
            dataset=_DATASET, model=_MODEL, steps=options.steps, batch_size=_BATCH,
        )  # fmt: skip
        print(result.row().replace(search_case.cluster.strategy, "tuning, 3 trials"), flush=True)
        yield result


if __name__ == "__main__":
    sys.exit(main())
