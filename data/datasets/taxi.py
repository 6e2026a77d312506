"""Chicago taxi trips: does the passenger tip more than 20 % of the fare?

Public data of the City of Chicago, which the tfx package contains (15,002 trips, nothing to download).
"""

from data import Bound, Bucketized, Categorical, Dataset, Numeric, RatioLabel, Training, Vocabulary

DATASET = Dataset(
    name="taxi",
    description="Chicago taxi trips: will the tip exceed 20 % of the fare?",
    sample="tfx:examples/chicago_taxi_pipeline/data/simple/data.csv",
    features=(
        Numeric("fare", log=True),  # US dollars
        Numeric("trip_miles", log=True),
        Numeric("trip_seconds", dtype="int64", log=True),
        Bucketized("pickup_latitude"),
        Bucketized("pickup_longitude"),
        Bucketized("dropoff_latitude"),
        Bucketized("dropoff_longitude"),
        Categorical("trip_start_month", size=13),
        Categorical("trip_start_day", size=8),
        Categorical("trip_start_hour", size=24),
        Categorical("pickup_community_area", size=78),
        Categorical("dropoff_community_area", size=78),
        Vocabulary("dropoff_census_tract", dtype="int64", size=200),
        Vocabulary("payment_type", size=10),
        Vocabulary("company", size=100, oov=5),
    ),
    label=RatioLabel("big_tipper", numerator="tips", denominator="fare", threshold=0.2),
    other_columns={"trip_start_timestamp": "int64", "pickup_census_tract": "int64"},
    slices=("trip_start_hour", "payment_type"),
    bounds=(Bound("auc", at_least=0.9, max_degradation=0.005), Bound("accuracy_skill", at_least=0.02)),
    # Six passes over the 10,500 training rows: longer trainings fit these rows better and others worse (benchmarks/README.md).
    training=Training(steps=300),
)
