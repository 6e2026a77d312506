"""Names of the served model's signatures, their inputs and their outputs: the same for every Estimator.

| signature | input | output |
|---|---|---|
| `serving_default` | `examples`: serialised `tf.Example`s, string [batch] | the outputs of the task |
| `predict_raw` | one input for each feature, named like its column | the outputs of the task |
| `transform_labels` | `examples` | the label [batch, n], and the weights [batch, 1] if there are any; TFMA reads it |
| `<head>` | `examples` | one signature for each further entry in the model's `export_outputs` |
| `<head>_raw` | as `predict_raw` | the same as `<head>` |

Inputs of `predict_raw`: numbers are float64 [batch], integers too (exact up to 2**53); text is string [batch]; a window is
float64 [batch, length]. A missing value is NaN in a number and "" in a text. No signature requires the label.

| task | outputs |
|---|---|
| binary classification | `probability` float32 [batch] of class 1; `label` int64 [batch], 1 if the probability is above 0.5 |
| multi-class classification | `probabilities` float32 [batch, classes]; `label` [batch], the likeliest class as in the data |
| regression | `prediction` float32 [batch], in the label's units |
| forecast | `prediction` float32 [batch, outputs], in the label's units |
"""

from __future__ import annotations

from collections.abc import Mapping

from data import Task

SERVING_DEFAULT = "serving_default"
PREDICT_RAW = "predict_raw"
TRANSFORM_LABELS = "transform_labels"

EXAMPLES = "examples"

PROBABILITY = "probability"
PROBABILITIES = "probabilities"
PREDICTION = "prediction"
LABEL = "label"

# The output that holds the prediction of a task. TFMA compares it with the label.
SERVED_PREDICTION: Mapping[Task, str] = {
    "binary_classification": PROBABILITY,
    "multiclass_classification": PROBABILITIES,
    "regression": PREDICTION,
    "forecast": PREDICTION,
}
