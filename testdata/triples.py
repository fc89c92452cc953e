"""Writes triples/: tables of triples whose ids are of one type each, in each format, as pandas writes them.

    python testdata/triples.py

It needs pandas and pyarrow.
"""

from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent / "triples"

days = pd.to_datetime(
    ["2026-01-31", "2026-01-31", "2026-02-01", "2026-02-01 10:30:00.250", "2026-02-01 10:30:00.250"], format="ISO8601"
)
IDS = {
    "float": [1.0, 1.0, 2.5, 30.0, 30.0],
    "boolean": [True, True, False, False, True],
    "time": days,
    "zoned": days.tz_localize("UTC"),
    "large": [2**53 + 1, 2**53 + 1, 2**53 + 2, 2**60 + 1, -3],
}


def main():
    HERE.mkdir(exist_ok=True)
    for name, ids in IDS.items():
        table = pd.DataFrame({"id": ids, "name": ["a", "b", "a", "b", "c"], "value": [1.0, 2.0, 3.0, 4.0, 5.0]})
        table.to_csv(HERE / f"{name}.csv", index=False, lineterminator="\n")
        table.to_parquet(HERE / f"{name}.parquet", index=False)
        table.to_feather(HERE / f"{name}.feather")
        table.to_json(HERE / f"{name}.jsonl", orient="records", lines=True, date_format="iso")


main()
