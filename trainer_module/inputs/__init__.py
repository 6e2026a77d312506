"""Input functions that read transformed examples from files, for training and evaluation."""

from trainer_module.inputs.build import MEMORY_BYTES, InputFn, input_fn
from trainer_module.inputs.files import DamagedFileError, NoRecordsError
from trainer_module.inputs.shards import WHOLE, Shard

__all__ = ["MEMORY_BYTES", "WHOLE", "DamagedFileError", "InputFn", "NoRecordsError", "Shard", "input_fn"]
