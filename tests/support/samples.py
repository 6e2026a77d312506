"""Writes small CSV files: for the toy datasets, of any size and with changes, and the first rows of a real one."""

import csv
import itertools
import math
import random
from datetime import datetime, timedelta

from data import discovery


def first_rows(dataset, target, rows):
    """Writes the header and the first `rows` rows of a dataset's sample to `target`. Returns `target`."""
    source = discovery.sample_path(discovery.dataset(dataset))
    with source.open(newline="") as lines, target.open("w", newline="") as out:
        csv.writer(out).writerows(itertools.islice(csv.reader(lines), rows + 1))
    return target


def write_opinion(target, rows=600, seed=9):
    """Writes opinions: neutral words and "good" or "bad", in half of the rows after a "not". Returns `target`."""
    rng = random.Random(seed)
    with target.open("w", newline="") as file:
        out = csv.DictWriter(file, ["words", "likes"])
        out.writeheader()
        for _ in range(rows):
            good, negated = rng.random() < 0.5, rng.random() < 0.5
            words = rng.sample(["the", "film", "of", "today", "a", "play"], rng.randrange(1, 4))
            words += ["not"] * negated + ["good" if good else "bad"]
            out.writerow({"words": " ".join(words), "likes": int(good != negated)})
    return target


def write_tide(target, steps=400, seed=10):
    """Writes three series with a row every two hours, out of order, with gaps, duplicates, missing values. Returns `target`."""
    rng = random.Random(seed)
    rows = []
    for phase, harbour in enumerate(["Brest", "Dover", "Oslo"]):
        level = 0.0
        for i in range(steps):
            level += rng.gauss(0, 0.05)
            value = 3 * math.sin(2 * math.pi * (i / 12 + phase / 3)) + level + rng.gauss(0, 0.3)
            at = datetime(2024, 2, 1) + timedelta(hours=2 * i, minutes=rng.randrange(120))
            if rng.random() < 0.97:
                rows.append([f"{at:%Y-%m-%dT%H:%M}", harbour, "" if rng.random() < 0.02 else f"{value:.3f}"])
            if rng.random() < 0.05:
                rows.append(rows[-1])
    rng.shuffle(rows)
    with target.open("w", newline="") as file:
        csv.writer(file).writerows([["at", "harbour", "level"], *rows])
    return target


def write_species(target, rows=900, seed=8):
    """Writes plants of three species that differ in length and width, with row weights and missing values. Returns `target`."""
    rng = random.Random(seed)
    species = {"setosa": (2.0, 0.5), "virginica": (4.0, 1.5), "vulgaris": (4.0, 3.0)}
    with target.open("w", newline="") as file:
        out = csv.DictWriter(file, ["length", "width", "soil", "height", "seen", "species"])
        out.writeheader()
        for _ in range(rows):
            kind = rng.choices(list(species), [5, 3, 2])[0]
            length, width = species[kind]
            row = {
                "length": "" if rng.random() < 0.03 else f"{rng.gauss(length, 0.6):.2f}",
                "width": f"{rng.gauss(width, 0.6):.2f}",
                "soil": rng.choice(["clay", "sand", "loam"]),
                "height": rng.randrange(6),
                "seen": "" if rng.random() < 0.1 else f"{rng.choice([0.5, 1, 4])}",
                "species": kind,
            }
            out.writerow(row)
    return target


def write_fruit(target, rows=900, seed=7, change=lambda row: row):
    """Writes fruit, ripe by weight and colour, with noise and missing values. `change` edits a row. Returns `target`."""
    rng = random.Random(seed)
    with target.open("w", newline="") as file:
        out = csv.DictWriter(file, ["weight", "size", "colour", "crate", "ripe"])
        out.writeheader()
        for _ in range(rows):
            weight, colour = rng.gauss(100, 15), rng.choice(["red", "green", "yellow"])
            score = (weight - 100) / 10 + {"red": 2, "green": -2, "yellow": 0}[colour] + rng.gauss(0, 0.7)
            row = {
                "weight": "" if rng.random() < 0.03 else f"{weight:.1f}",
                "size": f"{rng.uniform(1, 9):.2f}",
                "colour": colour,
                "crate": rng.randrange(4),
                "ripe": int(score > 0),
            }
            out.writerow(change(row))
    return target
