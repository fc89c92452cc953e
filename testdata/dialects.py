"""Writes testdata/dialects.json: small tables as text, and what pandas reads of them, for TestDialects of model/formats.

    python3 testdata/dialects.py
"""

import base64
import io
import json
import os

import pandas as pd

PLAIN = "id,x,y\na,1.5,2\nb,-3,4.25\n"
CASES = [
    # name, text, encoding, options of read_csv, options of ours
    ("commas", PLAIN, "utf-8", {}, {}),
    ("semicolons", PLAIN.replace(",", ";"), "utf-8", {"sep": ";"}, {}),
    ("tabs in a .csv", PLAIN.replace(",", "\t"), "utf-8", {"sep": "\t"}, {}),
    ("bars", PLAIN.replace(",", "|"), "utf-8", {"sep": "|"}, {}),
    ("colons", PLAIN.replace(",", ":"), "utf-8", {"sep": ":"}, {"Delimiter": ":"}),
    ("spaces", PLAIN.replace(",", " "), "utf-8", {"sep": " "}, {"Delimiter": "space"}),
    ("decimal commas", "id;x;y\na;1,5;2,25\nb;-3,0;4,125\n", "utf-8", {"sep": ";", "decimal": ","}, {}),
    ("decimal commas, given", "id;x;y\na;1,500;2\nb;-3;4,125\n", "utf-8", {"sep": ";", "decimal": ","}, {"Decimal": ","}),
    ("decimal commas in quotes", 'id,x,y\na,"1,5","2"\nb,"-3,0",4\n', "utf-8", {"decimal": ","}, {"Decimal": ",", "Delimiter": ","}),
    ("decimal commas in tabs", "id\tx\ty\na\t1,5\t2,25\nb\t-3,0\t4e-1\n", "utf-8", {"sep": "\t", "decimal": ","}, {}),
    ("thousands", 'id;x;y\na;1.234.567,5;2\nb;-3.000;4,125\n', "utf-8", {"sep": ";", "decimal": ",", "thousands": "."}, {"Decimal": ",", "Thousands": "."}),
    ("thousands by commas", 'id,x,y\na,"1,234,567.5",2\nb,"-3,000",4\n', "utf-8", {"thousands": ","}, {"Thousands": ",", "Delimiter": ","}),
    ("comments", "# made\n#\nid,x,y # names\na,1.5,2#x\n#b,9,9\n\"b#\",-3,4 # \"\n", "utf-8", {"comment": "#"}, {"Comment": "#"}),
    ("lines to skip", "made by hand\n\n" + PLAIN, "utf-8", {"skiprows": 2}, {"SkipRows": 2}),
    ("no quoting", 'id,x,y\n"a,1.5,2\n5" b,-3,4\n', "utf-8", {"quoting": 3}, {"Quoting": "none"}),
    ("latin-1", "id,x,größe\nMüller,1,2\nßæ,3,4\n", "latin-1", {"encoding": "latin-1"}, {"Encoding": "latin-1"}),
    ("windows-1252", "id,x,y\n€ “q”,1,2\nß,3,4\n", "cp1252", {"encoding": "cp1252"}, {"Encoding": "windows-1252"}),
    ("utf-16", "id,x,größe\nMüller 😀,1,2\n中\u0a0d,3,4\n", "utf-16", {"encoding": "utf-16"}, {"Encoding": "utf-16"}),
    ("utf-16 by its mark", PLAIN, "utf-16", {"encoding": "utf-16"}, {}),
    ("utf-16le", PLAIN.replace("a", "\u2c22"), "utf-16-le", {"encoding": "utf-16-le"}, {"Encoding": "utf-16le"}),
    ("utf-16be", PLAIN.replace("a", "\u0a22"), "utf-16-be", {"encoding": "utf-16-be"}, {"Encoding": "utf-16be"}),
    ("utf-8 with a mark", "\ufeff" + PLAIN, "utf-8", {}, {}),
    ("booleans", "id,x,y\na,True,1\nb,False,2\n", "utf-8", {}, {}),
    ("booleans of R", "id,x,y\na,TRUE,1\nb,FALSE,2\n", "utf-8", {}, {}),
    ("names that are alike", "id,x,x\na,1,2\nb,3,4\n", "utf-8", {}, {}),
    ("carriage returns", PLAIN.replace("\n", "\r\n"), "utf-8", {}, {}),
    ("quotes", '"id","x","y"\n"a ""b""\nc",1,2\n"d,e",3,"4"\n', "utf-8", {}, {}),
    ("a header of numbers", "id,0,1\na,1.5,2\nb,3,4\n", "utf-8", {}, {}),
    ("strange ids", "id,x,y\n007,1,2\n1.0,3,4\n1,5,6\n12345678901234567890,7,8\n", "utf-8", {}, {}),
]


def main():
    cases = []
    for name, text, encoding, pandas, ours in CASES:
        data = text.encode(encoding)
        table = pd.read_csv(io.BytesIO(data), dtype={"id": str}, keep_default_na=False, **pandas)
        values = table.drop(columns="id")
        cases.append({
            "name": name, "data": base64.b64encode(data).decode(), "options": ours, "columns": list(values.columns),
            "ids": list(table["id"]), "values": values.astype(float).values.tolist(),
        })
    with open(os.path.join(os.path.dirname(__file__), "dialects.json"), "w") as f:
        json.dump(cases, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
