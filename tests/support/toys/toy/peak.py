"""A search space for stub trials, whose objective is highest at x = 0.7. The model cannot be built."""


def search_space(hp):
    hp.Float("x", 0.0, 1.0, default=0.5)
    hp.Int("units", 2, 32, sampling="log", default=8)
    hp.Choice("kind", ["a", "b"], default="a")
