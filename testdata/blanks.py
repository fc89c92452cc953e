"""Writes blanks.csv, .parquet, .arrow and .jsonl: one table with cells that have nothing but spaces.

    python testdata/blanks.py
"""
from pathlib import Path

import pandas as pd
from pyarrow import feather

here = Path(__file__).parent
table = pd.DataFrame({
    "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
    "z": [0.0, 1.0, 0.0, 1.0, 1.0, 0.0],
    "g": ["A", "  ", "A", "  ", None, "A"],
    "y": ["A", "  ", "B", "A", "B", "A"],
})
table.to_csv(here / "blanks.csv", index=False)
table.to_parquet(here / "blanks.parquet", index=False)
feather.write_feather(table, here / "blanks.arrow", compression="uncompressed")
table.to_json(here / "blanks.jsonl", orient="records", lines=True)
