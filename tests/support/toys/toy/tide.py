"""The water level in three harbours, every two hours."""

from pathlib import Path

from data import Bound, Dataset, Series, Training

SERIES = Series(
    time="at",
    time_format="%Y-%m-%dT%H:%M",
    value="level",
    id="harbour",
    step="2h",
    inputs=14,
    outputs=3,
    season=12,
    calendar=("day",),
    max_gap=2,
    eval_share=0.4,
    embargo=1,
)
DATASET = Dataset(
    name="toy.tide",
    description="the next six hours",
    model="lstm_forecaster",
    series=SERIES,
    sample=str(Path(__file__).with_name("tide.csv")),
    features=SERIES.features,
    label=SERIES.label,
    slices=("series",),
    bounds=(Bound("relative_rmse", at_most=1.0),),
    training=Training(steps=300, batch_size=50),
)
