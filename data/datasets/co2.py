"""Weekly carbon dioxide in the air at Mauna Loa, Hawaii: what will it be in the next twelve weeks?

1958-2001, in parts per million, with gaps (Keeling and Whorf, Scripps Institution of Oceanography; public domain).
"""

from data import Bound, Dataset, Series, Training

SERIES = Series(
    time="date",
    time_format="%Y%m%d",
    value="co2",
    step="W",
    inputs=60,  # more than a year: a shorter window does not show the season (benchmarks/README.md)
    outputs=12,
    season=52,
    max_gap=4,
)

DATASET = Dataset(
    name="co2",
    description="Weekly CO2 at Mauna Loa: the next 12 weeks in ppm",
    series=SERIES,
    model="lstm_forecaster",
    sample="data/samples/co2/co2_weekly.csv",
    features=SERIES.features,
    label=SERIES.label,
    bounds=(Bound("relative_rmse", at_most=0.9), Bound("rmse", max_degradation_ratio=0.05)),
    training=Training(steps=1000, batch_size=64, checkpoint_steps=250, eval_seconds=0),
)
