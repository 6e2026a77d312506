from components.window_example_gen.component import WindowExampleGen

__all__ = ["WindowExampleGen"]
