"""Checks the names and quantities in a [kubeflow] table: Kubernetes would refuse a wrong one, or its pod would wait for ever.

Every generator of problems here yields one paragraph for the user per wrong value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pipeline.config.tables import Kubeflow, Step

# An image as Docker names it: an optional host with a port, a path in lower case, an optional tag, an optional digest.
_IMAGE = r"(?:[\w.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
# The name of an object; a label, and its value.
_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_LABEL = rf"({_NAME}/)?[A-Za-z0-9]([-\w.]{{0,61}}[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?"
# Unit of an amount of memory -> bytes.
UNITS = {"": 1.0} | {
    f"{prefix}{suffix}": float(base**power)
    for suffix, base, prefixes in (("", 1000, "kMGTPE"), ("i", 1024, "KMGTPE"))
    for power, prefix in enumerate(prefixes, 1)
}
# Field of a toleration -> (its regular expression, its description for the user).
_TOLERATION = {
    "key": (_LABEL, "key of a taint"),
    "operator": ("Exists|Equal", "operator: Exists or Equal"),
    "value": (_VALUE, "value of a taint"),
    "effect": ("NoSchedule|PreferNoSchedule|NoExecute", "effect: NoSchedule, PreferNoSchedule or NoExecute"),
}


def problems(kubeflow: Kubeflow) -> Iterator[str]:
    """Yields one problem for each wrong name or quantity of a [kubeflow] table."""
    yield from _problems("image", kubeflow.image or "", _IMAGE, "name of an image: REGISTRY/NAME:TAG, in lower case")
    yield from _problems(
        "volume.path", kubeflow.volume.path, r"/[^:]+", "path to mount a volume at: it must be absolute, without ':'"
    )
    for key, name in _object_names(kubeflow):
        yield from _problems(key, name, _NAME, "name in Kubernetes: lower-case letters, digits, '-' and '.'")
    for entry in kubeflow.secrets:
        yield from _problems_of_secret(entry)
    yield from _problems_of_step("all", kubeflow.all)
    for node, step in kubeflow.steps.items():
        yield from _problems_of_step(f"steps.{node}", step)


def secret(entry: str) -> tuple[str, str]:
    """Splits NAME/KEY: returns the name of a Secret and one of its keys."""
    name, _, key = entry.partition("/")
    return name, key


def _object_names(kubeflow: Kubeflow) -> Iterator[tuple[str, str]]:
    """Yields (key of the setting, name of a Kubernetes object)."""
    yield "service_account", kubeflow.service_account
    if kubeflow.volume.claim is not None:
        yield "volume.claim", kubeflow.volume.claim
    yield from (("secrets", secret(entry)[0]) for entry in kubeflow.secrets)
    yield from (("config_maps", name) for name in kubeflow.config_maps)


def _problems_of_secret(entry: str) -> Iterator[str]:
    if "/" in entry:
        variable = secret(entry)[1]
        meaning = "name of an environment variable, which a key of a Secret becomes"
        yield from _problems("secrets", variable, r"[A-Za-z_]\w*", meaning)
    else:
        yield (
            f"kubeflow.secrets is '{entry}': write NAME/KEY for each key that steps need as an environment variable, such as "
            f"'{entry}/METADATA_PASSWORD'. Then a step can say which one is missing."
        )


def _problems_of_step(table: str, step: Step) -> Iterator[str]:
    if step.cpu is not None:
        yield from _problems(f"{table}.cpu", step.cpu, r"\d+(\.\d+)?|\d+m", "number of processors, such as 2, 0.5 or 500m")
    if step.memory is not None:
        form = rf"[1-9]\d*({'|'.join(UNITS)})"
        yield from _problems(f"{table}.memory", step.memory, form, "amount of memory, such as 4Gi or 500Mi")
    if step.gpu_type is not None:
        yield from _problems(f"{table}.gpu_type", step.gpu_type, _LABEL, "kind of GPU, such as nvidia.com/gpu")
    for label, value in (step.node_selector or {}).items():
        yield from _problems(f"{table}.node_selector", label, _LABEL, "label of a machine, such as disk or example.com/disk")
        yield from _problems(f"{table}.node_selector.{label}", value, _VALUE, "value of a label")
    for toleration in step.tolerations or ():
        yield from _problems_of_toleration(f"{table}.tolerations", toleration)


def _problems_of_toleration(key: str, toleration: Mapping[str, str]) -> Iterator[str]:
    for field, value in toleration.items():
        if field in _TOLERATION:
            yield from _problems(f"{key}.{field}", value, *_TOLERATION[field])
        else:
            yield f"kubeflow.{key}: a toleration has no '{field}'. It has: {', '.join(_TOLERATION)}."
    exists = toleration.get("operator") == "Exists"
    if (exists and toleration.get("value")) or (not exists and not toleration.get("key")):
        yield (
            f"kubeflow.{key}: a toleration must have a key and a value, or the operator Exists and no value. "
            f"Received: {dict(toleration)}."
        )


def _problems(key: str, value: str, form: str, meaning: str) -> Iterator[str]:
    if not re.fullmatch(form, value, re.ASCII):
        yield f"kubeflow.{key} is '{value}', not a valid {meaning}."
