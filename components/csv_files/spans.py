"""Which files are read: of which spans and versions. TFX's driver takes one span; this one takes a range of them."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import dataclass
from typing import Any

from absl import logging
from tfx.components.example_gen import driver, utils
from tfx.dsl.io import fileio
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import standard_component_specs
from tfx.utils import io_utils, proto_utils

from components.csv_files.reader import InputDataError

# What a pattern may hold, as TFX spells it: {SPAN}, {SPAN:4} (four digits), {VERSION}, {VERSION:2}, {YYYY}, {MM}, {DD}.
_SPEC = re.compile(r"\{(SPAN|VERSION|YYYY|MM|DD)(?::(\d+))?\}")
_DATE_DIGITS = {"YYYY": "4", "MM": "2", "DD": "2"}


@dataclass(frozen=True)
class Span:
    """One delivery of data, in its newest version.

    Attributes:
        number: of the span; a date counts as the days since 1970.
        version: None if the pattern has no {VERSION}.
        pattern: of its files, below the input folder.
    """

    number: int
    version: int | None
    pattern: str


def has_spans(pattern: str) -> bool:
    """Whether a pattern of files holds {SPAN} or a date. Raises ValueError if it holds them in a way that TFX refuses."""
    return any(utils.verify_split_pattern_specs(example_gen_pb2.Input.Split(name="all", pattern=pattern))[:2])


def find(base: str, pattern: str, wanted: range_config_pb2.RangeConfig | None = None) -> list[Span]:
    """Finds the spans to read.

    Args:
        base: the input folder.
        pattern: of files in it, with {SPAN} or a date, and perhaps {VERSION}.
        wanted: a rolling range of the newest `num_spans` numbers, or a static one. By default the newest span.

    Returns:
        The spans in that range that exist, the oldest first. A rolling range may reach back before the first one, and any range
        may have holes (they are logged): a day without data has no files.

    Raises:
        InputDataError: there is no span at all, or none that ends a static range.
    """
    newest = _newest_versions(base, pattern)
    where = f"The input folder {base} holds no file for {pattern}"
    if not newest:
        raise InputDataError(f"{where}. Each of the braces stands for a number: give the pattern that the files have.")
    first, last = _bounds(wanted or _rolling(1), max(newest))
    if last not in newest:
        known = ", ".join(map(str, sorted(newest)[-5:]))
        raise InputDataError(f"{where} in span {last}, the last one of the static range. The newest ones are {known}.")
    missing = [n for n in range(max(first, min(newest)), last) if n not in newest]
    if missing:
        logging.warning("There are no files of span %s; %s to %s are read without.", ", ".join(map(str, missing)), first, last)
    return [newest[n] for n in range(first, last + 1) if n in newest]


class Driver(driver.FileBasedDriver):
    """Replaces a pattern with spans by one input split a span, each with the newest version.

    The artifact carries the newest span and its version. The fingerprint is over the files of all spans; together with the
    patterns it decides whether an earlier execution is used again. Without spans in the pattern it is TFX's driver.
    """

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Fills in the input configuration, span, version and fingerprint."""
        source = example_gen_pb2.Input()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], source)
        if len(source.splits) != 1 or not has_spans(source.splits[0].pattern):
            return super().resolve_exec_properties(exec_properties, pipeline_info, component_info)

        base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
        spans = find(base, source.splits[0].pattern, _range(exec_properties))
        splits = [example_gen_pb2.Input.Split(name=f"span-{s.number}", pattern=s.pattern) for s in spans]
        prints = [io_utils.generate_fingerprint(s.name, posixpath.join(base, s.pattern)) for s in splits]
        config = proto_utils.proto_to_json(example_gen_pb2.Input(splits=splits))
        exec_properties[standard_component_specs.INPUT_CONFIG_KEY] = config
        exec_properties[utils.SPAN_PROPERTY_NAME] = spans[-1].number
        exec_properties[utils.VERSION_PROPERTY_NAME] = spans[-1].version
        exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = "\n".join(prints)
        return exec_properties


def _range(exec_properties: dict[str, Any]) -> range_config_pb2.RangeConfig | None:
    text = exec_properties.get(standard_component_specs.RANGE_CONFIG_KEY)
    if not text:
        return None
    wanted = range_config_pb2.RangeConfig()
    proto_utils.json_to_proto(text, wanted)
    return wanted


def _rolling(spans: int) -> range_config_pb2.RangeConfig:
    return range_config_pb2.RangeConfig(rolling_range=range_config_pb2.RollingRange(num_spans=spans))


def _bounds(wanted: range_config_pb2.RangeConfig, newest: int) -> tuple[int, int]:
    """Returns the first and the last span of a range. Raises ValueError if it has none."""
    if wanted.HasField("static_range"):
        first, last = wanted.static_range.start_span_number, wanted.static_range.end_span_number
    else:
        rolling = wanted.rolling_range
        first, last = max(newest - rolling.num_spans + 1, rolling.start_span_number), newest
    if first > last:
        raise ValueError(f"The range of spans must not be empty. Received: from {first} to {last}.")
    return first, last


def _newest_versions(base: str, pattern: str) -> dict[int, Span]:
    """Returns number -> span, for all spans of which there are files."""
    whole = posixpath.join(base, pattern)
    # Letters stand for themselves in a glob and in a regular expression; so the specs can be put in behind the translation.
    shape = fnmatch.translate(_SPEC.sub(lambda m: f"spec{m[1]}spec", whole))
    for match in _SPEC.finditer(pattern):
        digits = match[2] or _DATE_DIGITS.get(match[1], "1,")
        shape = shape.replace(f"spec{match[1]}spec", rf"(?P<{match[1]}>\d{{{digits}}})")
    newest: dict[int, Span] = {}
    for path in sorted(fileio.glob(_SPEC.sub("*", whole))):
        found = re.match(shape, path)
        number = _number(found.groupdict()) if found else None
        if found is None or number is None:
            continue
        version = int(found["VERSION"]) if "VERSION" in found.groupdict() else None
        if number not in newest or (version or 0) > (newest[number].version or 0):
            newest[number] = Span(number, version, _fill(pattern, found))
    return newest


def _fill(pattern: str, found: re.Match[str]) -> str:
    """Puts numbers, as they are written in the path of a file, into a pattern."""
    return _SPEC.sub(lambda spec: found[spec[1]], pattern)


def _number(specs: dict[str, str]) -> int | None:
    """Returns the number of a span; None for a date that there is not."""
    if "SPAN" in specs:
        return int(specs["SPAN"])
    try:
        return utils.date_to_span_number(int(specs["YYYY"]), int(specs["MM"]), int(specs["DD"]))
    except ValueError:
        return None
