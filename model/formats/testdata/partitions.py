"""What pyarrow.dataset makes of directories NAME=VALUE: partitions.json."""
import json
import os
import tempfile

import pyarrow
import pyarrow.dataset
import pyarrow.parquet

CASES = [["01", "2"], ["+1", "2"], ["-1", "2"], ["1.5", "2"], ["1", "__HIVE_DEFAULT_PARTITION__"], ["1", "x"], ["", "x"],
         ["1", ""], [" 1", "2"], ["x", "__HIVE_DEFAULT_PARTITION__"], ["a%20b", "c%2Fd"], ["a=b", "c"], ["%zz", "c"],
         ["%C3%A9", "1"], ["2147483647", "-2147483648"], ["2026-11-30", "2026-12-01"], ["true", "false"]]
cases = []
for values in CASES:
    with tempfile.TemporaryDirectory() as top:
        for i, v in enumerate(values):
            os.makedirs(f"{top}/k%20e={v}")
            pyarrow.parquet.write_table(pyarrow.table({"a": [i]}), f"{top}/k%20e={v}/x.parquet")
        rows = pyarrow.dataset.dataset(top, partitioning="hive").to_table().sort_by("a").to_pydict()
        cases.append({"values": values, "read": rows["k e"]})
with open("partitions.json", "w") as f:
    json.dump(cases, f, indent=1)
    f.write("\n")
