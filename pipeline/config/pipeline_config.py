"""The configuration of a run: frozen, typed, validated once.

Settings come from the defaults (`pipeline/config/tables.py`), a TOML file (`--config`), `--set key=value`, and the options of
the command line. A later source overrides an earlier one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from data import Dataset, discovery
from pipeline.config import dataset_defaults, defaults, reading
from pipeline.config.tables import ENGINES, Config
from pipeline.errors import UsageError
from pipeline.metadata import uri
from trainer_module.files.paths import absolute
from trainer_module.training.settings import TrainSettings
from trainer_module.tuning.settings import TuneSettings


class PipelineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The complete configuration of a run. Every path is absolute, and every default is filled in.

    Attributes:
        settings: the settings as the user has set them; None where the default depends on another setting.
        dataset: the dataset.
        training: the settings of the Trainer.
        tuning: the settings of the Tuner.
        data_path: CSV file, folder, or pattern with spans.
        output_dir: the folder for everything that a run writes.
        use_cache: whether to reuse the results of nodes whose inputs have not changed.
    """

    settings: Config
    dataset: Dataset
    training: TrainSettings
    tuning: TuneSettings
    data_path: str
    output_dir: str
    use_cache: bool = True

    @property
    def dataset_name(self) -> str:
        """Name of the dataset."""
        return self.settings.dataset

    @property
    def model_name(self) -> str:
        """Name of the model."""
        return self.settings.model or self.dataset.model

    @property
    def has_spans(self) -> bool:
        """Whether the data comes in spans, with numbers or dates."""
        return "{" in self.data_path

    @property
    def artifacts(self) -> str:
        """Folder of the TFX artifacts."""
        return f"{self.output_dir}/artifacts"

    @property
    def checkpoints(self) -> str:
        """Folder of the checkpoints, with one folder for each training."""
        return absolute(self.settings.train.checkpoints or f"{self.output_dir}/checkpoints")

    @property
    def searches(self) -> str:
        """Folder of the searches for hyper-parameters, with one folder for each search."""
        return f"{self.output_dir}/tuning"

    @property
    def serving(self) -> str:
        """Folder of the pushed models; a model server watches it."""
        return f"{self.output_dir}/serving"

    @property
    def metadata_file(self) -> str:
        """The SQLite file of MLMD, if metadata.uri names no server."""
        return f"{self.output_dir}/metadata.sqlite"

    @property
    def metadata_uri(self) -> str:
        """The URI of MLMD, see `pipeline.metadata.uri`."""
        return self.settings.metadata.uri or uri.of_file(self.metadata_file)

    @property
    def pipeline_name(self) -> str:
        """Name of the pipeline in MLMD. On a server it contains a hash of output_dir: each output folder has its own runs."""
        if not self.settings.metadata.uri:
            return self.dataset_name
        return f"{self.dataset_name}-{hashlib.sha256(self.output_dir.encode()).hexdigest()[:8]}"

    @property
    def beam_args(self) -> tuple[str, ...]:
        """Beam options of the nodes."""
        return ENGINES[self.settings.run.engine]


def load(
    file: Path | None,
    assignments: Iterable[str],
    options: Mapping[str, object],
    *,
    base: Mapping[str, object] | None = None,
    use_cache: bool = True,
) -> PipelineConfig:
    """Returns the complete configuration.

    Args:
        file: TOML file, or None.
        assignments: `key=value`, with dotted keys.
        options: dotted key -> value of an option of the command line; None if it was left out.
        base: settings that the other sources override; ignored if there is a file.
        use_cache: see PipelineConfig.

    Raises:
        UsageError: an unknown key, a value of the wrong type or out of range, an unknown dataset or model, an invalid file.
    """
    return _finish(reading.read(file, assignments, options, base or {}), use_cache)


def _finish(settings: Config, use_cache: bool) -> PipelineConfig:
    from trainer_module.models import NAME as MODELS

    try:
        dataset = discovery.dataset(settings.dataset)
        discovery.module_name(MODELS, settings.model or dataset.model)
        path = settings.data.path or str(discovery.sample_path(dataset))
    except (discovery.UnknownNameError, discovery.DeclarationError) as error:
        raise UsageError(str(error)) from None
    if settings.metadata.uri:
        uri.check(settings.metadata.uri)
    output = settings.output_dir or defaults.output_dir(settings.dataset)
    return PipelineConfig(
        settings=settings,
        dataset=dataset,
        training=dataset_defaults.training(settings.train, dataset),
        tuning=dataset_defaults.tuning(settings.tune, dataset),
        data_path=absolute(path),
        output_dir=absolute(output),
        use_cache=use_cache,
    )
