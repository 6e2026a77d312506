"""The process of a stub trial. It trains nothing, but takes 100 steps with an evaluation and a "checkpoint" every 20.

The objective of step s is 1 - |x - 0.7| * (2 - s / 100). The JSON object $STUB_FATES maps the number of a trial to what happens
at its step 20: "dies" (killed), "fails" (error), "stalls" (exits with 75, once), "always stalls" (exits with 75), "stops"
(stops itself once, like a machine without memory), "hangs" (until SIGTERM). $STUB_PACE is the seconds between two evaluations.
"""

import argparse
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

from trainer_module.supervision import heartbeat
from trainer_module.supervision.progress_report import ProgressReport

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--parent", type=int)
parser.add_argument("--heartbeat", type=int)
options = parser.parse_args()
heartbeat.end_with(options.parent)
line = heartbeat.Heartbeat(options.heartbeat)
line.start()

fate = json.loads(os.environ.get("STUB_FATES", "{}")).get(re.search(r"trial_0*(\d+)$", str(options.folder))[1], "")
pace = float(os.environ.get("STUB_PACE", "0"))
job = json.loads((options.folder / "spec.json").read_text())["job"]
report_file = options.folder / "report.json"
checkpoint = Path(job["folder"], "stub")
step = int(checkpoint.read_text()) if checkpoint.exists() else 0
curve = json.loads(report_file.read_text())["curve"] if report_file.exists() else []
report = {"resumed_from": step, "curve": [point for point in curve if point[0] <= step]}
stop_requests = []
signal.signal(signal.SIGTERM, lambda *_: stop_requests.append(True))


def put(path, text):
    """Writes a file in one step: the process may be killed at any moment."""
    hidden = path.with_suffix(".hidden")
    hidden.write_text(text)
    hidden.replace(path)


def write(**changes):
    """Changes keys of the report and writes it."""
    report.update(changes)
    put(report_file, json.dumps(report))


def stop_if_asked():
    """After a SIGTERM: saves the step, then ends by SIGTERM."""
    if stop_requests:
        put(checkpoint, str(step))
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


print(os.environ["STUB_SLOT"], job["hyperparameters"], flush=True)
write()
while step < 100:
    step += 20
    time.sleep(pace)
    stop_if_asked()
    put(checkpoint, str(step))
    value = 1 - abs(job["hyperparameters"]["x"] - 0.7) * (2 - step / 100)
    write(curve=[*report["curve"], [step, value]])
    line.send(ProgressReport(step=step, steps=100, loss=0.0, steps_per_second=1.0))
    if fate == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if fate == "fails":
        write(error="TrainingError: the loss is nan")
        sys.exit(1)
    if fate == "always stalls" or (fate == "stalls" and not report["resumed_from"]):
        sys.exit(75)
    if fate == "stops" and not report["resumed_from"]:
        os.kill(os.getpid(), signal.SIGSTOP)
    while fate == "hangs":
        stop_if_asked()
        time.sleep(0.01)
write(ended_by="steps")
