from components.csv_example_gen.component import CsvExampleGen

__all__ = ["CsvExampleGen"]
