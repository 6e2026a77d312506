"""A model whose objective is how near `x` is to 0.7, if a stub trains it."""


def search_space(hp):
    hp.Float("x", 0.0, 1.0, default=0.5)
    hp.Int("units", 2, 32, sampling="log", default=8)
    hp.Choice("kind", ["a", "b"], default="a")
