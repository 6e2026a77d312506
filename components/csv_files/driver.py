"""The driver of our ExampleGens. TFX's driver reads one span; this one reads a range of them."""

from __future__ import annotations

import posixpath
from typing import Any

from tfx.components.example_gen import driver, utils
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2, range_config_pb2
from tfx.types import standard_component_specs
from tfx.utils import io_utils, proto_utils

from components.csv_files import spans


class Driver(driver.FileBasedDriver):
    """Replaces an input split with a span pattern by one input split for each span, with its newest version.

    The artifact has the newest span and its version. The fingerprint covers the files of all spans; fingerprint and patterns
    together decide whether TFX's cache has the result. TFX's driver handles patterns without spans.
    """

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        """Fills in the input configuration, span, version and fingerprint."""
        input_config = example_gen_pb2.Input()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.INPUT_CONFIG_KEY], input_config)
        if len(input_config.splits) != 1 or not spans.has_spans(input_config.splits[0].pattern):
            return super().resolve_exec_properties(exec_properties, pipeline_info, component_info)

        base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
        selected_spans = spans.find(base, input_config.splits[0].pattern, _range_config(exec_properties))
        splits = [example_gen_pb2.Input.Split(name=f"span-{s.number}", pattern=s.pattern) for s in selected_spans]
        fingerprints = [io_utils.generate_fingerprint(s.name, posixpath.join(base, s.pattern)) for s in splits]
        exec_properties[standard_component_specs.INPUT_CONFIG_KEY] = proto_utils.proto_to_json(
            example_gen_pb2.Input(splits=splits)
        )
        exec_properties[utils.SPAN_PROPERTY_NAME] = selected_spans[-1].number
        exec_properties[utils.VERSION_PROPERTY_NAME] = selected_spans[-1].version
        exec_properties[utils.FINGERPRINT_PROPERTY_NAME] = "\n".join(fingerprints)
        return exec_properties


def _range_config(exec_properties: dict[str, Any]) -> range_config_pb2.RangeConfig | None:
    text = exec_properties.get(standard_component_specs.RANGE_CONFIG_KEY)
    if not text:
        return None
    config = range_config_pb2.RangeConfig()
    proto_utils.json_to_proto(text, config)
    return config
