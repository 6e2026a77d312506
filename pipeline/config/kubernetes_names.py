"""The forms of what is handed on to Kubernetes as text: what has none of them would be refused there, or wait for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pipeline.config.tables import Kubeflow, Step
from pipeline.errors import UsageError

# As Docker's: a host with a port perhaps, a path in lower case, a tag or a digest.
_IMAGE = r"(?:[\w.-]+(?::\d+)?/)?[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
# Of an object; of a label and its value.
_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"
_LABEL = rf"({_NAME}/)?[A-Za-z0-9]([-\w.]{{0,61}}[A-Za-z0-9])?"
_VALUE = r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?"
# Unit of an amount of memory -> bytes.
UNITS = {"": 1.0} | {
    f"{prefix}{suffix}": float(base**power)
    for suffix, base, prefixes in (("", 1000, "kMGTPE"), ("i", 1024, "KMGTPE"))
    for power, prefix in enumerate(prefixes, 1)
}
# Part of a toleration -> (its form, what it is).
_TOLERATION = {
    "key": (_LABEL, "key of a taint"),
    "operator": ("Exists|Equal", "operator: Exists or Equal"),
    "value": (_VALUE, "value of a taint"),
    "effect": ("NoSchedule|PreferNoSchedule|NoExecute", "effect: NoSchedule, PreferNoSchedule or NoExecute"),
}


def check(kubeflow: Kubeflow) -> None:
    """Checks a table of settings.

    Raises:
        UsageError: something in it has not the form that it must have.
    """
    _check("image", kubeflow.image or "", _IMAGE, "name of an image: REGISTRY/NAME:TAG, in lower case")
    _check("volume.path", kubeflow.volume.path, r"/[^:]+", "path to mount a volume at: an absolute one, without ':'")
    for key, name in _names(kubeflow):
        _check(key, name, _NAME, "name in Kubernetes: lower-case letters, digits, '-' and '.'")
    for entry in kubeflow.secrets:
        if "/" not in entry:
            raise UsageError(
                f"kubeflow.secrets is '{entry}': name each key of it that is to be an environment variable, such as "
                f"'{entry}/METADATA_PASSWORD'. So that a step can say which one is missing."
            )
        _check("secrets", secret(entry)[1], r"[A-Za-z_]\w*", "name of an environment variable, which a key of a Secret becomes")
    _check_step("all", kubeflow.all)
    for node, step in kubeflow.steps.items():
        _check_step(f"steps.{node}", step)


def secret(entry: str) -> tuple[str, str]:
    """Returns a Secret's name and the key of it that is meant."""
    name, _, key = entry.partition("/")
    return name, key


def _names(kubeflow: Kubeflow) -> Iterator[tuple[str, str]]:
    yield "service_account", kubeflow.service_account
    if kubeflow.volume.claim is not None:
        yield "volume.claim", kubeflow.volume.claim
    yield from (("secrets", secret(entry)[0]) for entry in kubeflow.secrets)
    yield from (("config_maps", name) for name in kubeflow.config_maps)


def _check_step(place: str, step: Step) -> None:
    if step.cpu is not None:
        _check(f"{place}.cpu", step.cpu, r"\d+(\.\d+)?|\d+m", "number of processors, such as 2, 0.5 or 500m")
    if step.memory is not None:
        _check(f"{place}.memory", step.memory, rf"[1-9]\d*({'|'.join(UNITS)})", "amount of memory, such as 4Gi or 500Mi")
    if step.gpu_type is not None:
        _check(f"{place}.gpu_type", step.gpu_type, _LABEL, "kind of GPU, such as nvidia.com/gpu")
    for label, value in (step.node_selector or {}).items():
        _check(f"{place}.node_selector", label, _LABEL, "label of a machine, such as disk or example.com/disk")
        _check(f"{place}.node_selector.{label}", value, _VALUE, "value of a label")
    for toleration in step.tolerations or ():
        _check_toleration(f"{place}.tolerations", toleration)


def _check_toleration(key: str, toleration: Mapping[str, str]) -> None:
    for part, value in toleration.items():
        if part not in _TOLERATION:
            raise UsageError(f"kubeflow.{key}: a toleration has no '{part}'. It has: {', '.join(_TOLERATION)}.")
        _check(f"{key}.{part}", value, *_TOLERATION[part])
    exists = toleration.get("operator") == "Exists"
    if (exists and toleration.get("value")) or (not exists and not toleration.get("key")):
        raise UsageError(
            f"kubeflow.{key}: a toleration has a key and its value, or the operator Exists and no value. "
            f"Received: {dict(toleration)}."
        )


def _check(key: str, value: str, form: str, meaning: str) -> None:
    if not re.fullmatch(form, value, re.ASCII):
        raise UsageError(f"kubeflow.{key} is '{value}', which is no {meaning}.")
