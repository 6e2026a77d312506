"""A dataset for WindowExampleGen, "tests.support.meters": the consumption of each meter per hour."""

from data import Dataset, Series

SERIES = Series(
    time="hour",
    time_format="%Y-%m-%d %H:%M",
    step="h",
    id="meter",
    value="used",
    past_covariates=("outside",),
    known_covariates=("holiday",),
    calendar=("day",),
    inputs=6,
    outputs=3,
    season=4,
    max_gap=2,
    eval_share=0.3,
    stride=2,
)
DATASET = Dataset(name="tests.support.meters", features=SERIES.features, label=SERIES.label, sample="meters.csv", series=SERIES)
