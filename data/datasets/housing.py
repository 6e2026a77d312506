"""House sales in Ames, Iowa: what does a house sell for?

2,930 sales of 2006-2010 (De Cock 2011, "Ames, Iowa: Alternative to the Boston Housing Data", Journal of Statistics Education
19(3)), with the values that were missing in the original. Predictions and metrics are in US dollars.
"""

from data import Bound, Categorical, Dataset, Numeric, NumericLabel, Training, Vocabulary

DATASET = Dataset(
    name="housing",
    description="House sales in Ames, Iowa: the price in US dollars",
    model="canned_wide_deep",
    sample="data/samples/housing/ames_housing.csv",
    features=(
        Numeric("living_area_sqft", log=True),
        Numeric("lot_area_sqft", log=True),
        Numeric("lot_frontage_ft", log=True),  # missing for 490 houses
        Numeric("basement_area_sqft"),
        Numeric("garage_area_sqft"),
        Numeric("garage_cars"),
        Numeric("rooms"),
        Numeric("bedrooms"),
        Numeric("full_baths"),
        Numeric("half_baths"),
        Numeric("fireplaces"),
        Numeric("year_built"),
        Numeric("year_remodelled"),
        Numeric("overall_quality"),  # 1 to 10
        Numeric("overall_condition"),
        Categorical("month_sold", size=13, dtype="int64"),
        Numeric("year_sold"),
        Vocabulary("building_type", size=5),
        Vocabulary("house_style", size=8),
        Vocabulary("zoning", size=7),
        Vocabulary("neighborhood", size=28),
        Vocabulary("central_air", size=2),
        Vocabulary("garage_type", size=6),  # missing: no garage
        Vocabulary("sale_condition", size=6),
    ),
    # Prices are skewed, so the error in per cent counts.
    label=NumericLabel("sale_price_usd", log=True),
    slices=("neighborhood",),
    bounds=(Bound("mae", at_most=25_000, max_degradation_ratio=0.02), Bound("relative_rmse", at_most=0.6)),
    # Every model is best between 200 and 600 steps, which are 10 to 30 passes; after 2,000 steps it is 1 to 15 % worse.
    training=Training(steps=600, batch_size=100, checkpoint_steps=200, eval_seconds=0),
)
