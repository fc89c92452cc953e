"""Writes testdata/dialects_random.json: random tables as text, and what pandas reads of them, for TestRandomDialects of
model/formats. Each table has some of the traits below, and pandas is told those that it does not find out by itself.

    python3 testdata/dialects_random.py                        # those that are checked in
    python3 testdata/dialects_random.py 500 7 /tmp/more.json   # others: how many, a seed, a file
    go test ./model/formats -run TestRandomDialects -dialects=/tmp/more.json
"""

import base64
import io
import json
import os
import random
import sys
import warnings

import numpy as np
import pandas as pd

WORDS = ["red", "green", "O'Neil", "say \"hi\"", "a, b", "x;y", "tab\there", "two\nlines", "über", "Köln", "# 1", "5\" nail", "-", "N", "e5", "1 2", "a|b"]
MISSING = ["", "NA", "nan", "NaN", "NULL", "null", "None", "N/A", "n/a", "<NA>", "#N/A"]


def number(r, kind, decimal, thousands):
    """A number as text."""
    if kind == "int":
        v = r.choice([r.randint(-9, 9), r.randint(-99999, 99999), r.randint(0, 10**9)])
        if thousands:
            return f"{v:,}".replace(",", thousands)
        return r.choice([str(v)] * 4 + [f"{v:+d}"])
    if kind == "zeros":
        return f"{r.randint(0, 999):0{r.randint(3, 6)}d}"
    if kind == "long":
        return str(r.randint(2**53, 2**63 - 1))
    if kind == "bool":
        return r.choice(["True", "False"])
    if kind == "BOOL":
        return r.choice(["TRUE", "FALSE"])
    v = r.choice([r.gauss(0, 1), r.gauss(0, 1e4), r.gauss(0, 1) * 10.0 ** r.randint(-300, 300)] if kind == "exp" else [r.gauss(0, 1), r.gauss(0, 1e5)])
    if kind == "exp":
        text = r.choice([f"{v:.3e}", f"{v:.6E}", f"{v:.2e}".replace("e+0", "e+").replace("e-0", "e-"), repr(v), f"{v:+.1e}"])
    else:
        text = r.choice([f"{v:.2f}", f"{v:.6f}", f"{v:,.3f}" if thousands else f"{v:.3f}", repr(v)])
        if r.random() < 0.1:
            text = text.replace("0.", ".", 1) if text.startswith("0.") else text.split(".")[0] + "."
    return text.translate(str.maketrans({".": decimal, ",": thousands or ","}))


def quoted(r, text, sep, comment, always):
    """A field as it stands in the file."""
    must = any(c in text for c in (sep, "\n", "\r")) or text.startswith('"') or comment and comment in text
    if not must and '"' in text and r.random() < 0.5:
        return text  # a quote within a field is one like any other character
    if must or always or '"' in text or r.random() < 0.05:
        return '"' + text.replace('"', '""') + '"'
    return text


def table(r):
    """One table: its bytes, pandas' options, ours, and a name."""
    traits = []

    def trait(name, p):
        if r.random() < p:
            traits.append(name)
            return True
        return False

    sep = r.choice([",", ",", ";", "\t", "|"])
    pandas, ours = {"sep": sep}, {}
    decimal, thousands, comment = ".", None, None
    if sep != "," and trait("decimal comma", 0.4):
        decimal = ","
        pandas["decimal"] = ours["Decimal"] = ","
    if trait("thousands", 0.15):
        thousands = r.choice([c for c in (",", ".", " ") if c not in (decimal, sep)])
        pandas["thousands"] = thousands
        ours["Thousands"] = "space" if thousands == " " else thousands
        if sep == ",":
            ours["Delimiter"] = ","
    if trait("comments", 0.15):
        comment = pandas["comment"] = ours["Comment"] = "#"
    end = "\r\n" if trait("CRLF", 0.25) else "\n"
    columns = r.randint(1, 6)
    rows = r.choice([1, 2, 3, 8, 30])
    kinds = [r.choice(["int", "float", "float", "exp", "zeros", "long", "bool", "BOOL", "text", "mixed", "empty"] if i else ["int", "float"]) for i in range(columns)]
    lacks = [trait("missing", 0.1) for _ in range(columns)]
    always = trait("all in quotes", 0.1)
    spaces = trait("spaces", 0.15)
    lines = []
    for _ in range(rows):
        fields = []
        for kind, lack in zip(kinds, lacks):
            if kind == "empty" or lack and r.random() < 0.3:
                text = r.choice(MISSING)
            elif kind == "text" or kind == "mixed" and r.random() < 0.5:
                text = r.choice([w for w in WORDS if thousands != " " or w != "1 2"])
            else:
                text = number(r, "float" if kind == "mixed" else kind, decimal, thousands)
            field = quoted(r, text, sep, comment, always)
            if spaces and text not in MISSING and kind in ("int", "float", "exp") and not field.startswith('"') and r.random() < 0.4:
                field = r.choice([" ", "  "]) * r.randint(0, 1) + field + " " * r.randint(0, 2)
            fields.append(field)
        lines.append(fields)
    how = r.choice(["names", "names", "names", "quoted names", "counts", "years", "unicode", "alike"])
    traits.append("header: " + how)
    names = {
        "counts": [str(i) for i in range(columns)], "years": [str(2000 + 3 * i) for i in range(columns)],
        "unicode": ["größe", "名前", "α β", "x", "naïve", "ñ"][:columns], "alike": ["a", "a", "b", "a.1", "b", "a"][:columns],
    }.get(how, [f"c{i}" for i in range(columns)])
    if how in ("counts", "years"):
        ours["Header"] = "yes"
    head = [quoted(r, n, sep, comment, how == "quoted names") for n in names]
    if trait("index", 0.15):
        if columns > 1 and rows > 1 and trait("without a name", 0.3):
            pass  # as R's write.table has it
        else:
            head.insert(0, "")
        for i, fields in enumerate(lines):
            fields.insert(0, str(i))
        pandas["index_col"] = 0
    trailing = len(head) == len(lines[0]) and trait("trailing delimiters", 0.08)
    if trailing:
        for fields in [head] + lines:
            fields.append("")
    if not trailing and "index" not in traits and columns > 1 and trait("trailing delimiters below the header", 0.04):
        for fields in lines:
            fields.append("")
        pandas["index_col"] = False  # otherwise the first column is the index, and all names stand above others
    text = [sep.join(f) for f in [head] + lines]
    if columns > 1 and trait("empty lines", 0.1):
        for _ in range(r.randint(1, 3)):
            text.insert(r.randint(0, len(text)), "")
    if columns > 1 and trait("blank lines", 0.1):
        for _ in range(r.randint(1, 3)):
            text.insert(r.randint(0, len(text)), "  ")
    if comment:
        for _ in range(r.randint(0, 3)):
            text.insert(r.randint(0, len(text)), "# no " + sep + ' "row')
        for i in range(len(text)):
            if r.random() < 0.2 and "\n" not in text[i] and text[i].strip() and not text[i].endswith('"'):
                text[i] += "# behind"
    if trait("lines to skip", 0.15):
        n = r.randint(1, 3)
        text[:0] = ["made by a program", "", "2024" + sep + "1"][:n]
        pandas["skiprows"] = ours["SkipRows"] = n
    whole = end.join(text) + (end if not trait("no last line end", 0.2) else "")
    encoding = r.choice(["utf-8"] * 4 + ["utf-8-sig", "latin-1", "utf-16", "utf-16-le"])
    if encoding in ("latin-1", "utf-16-le"):
        ours["Encoding"] = encoding.replace("utf-16-", "utf-16")
    if encoding != "utf-8":
        traits.append(encoding)
        pandas["encoding"] = encoding
    try:
        data = whole.encode(encoding)
    except UnicodeEncodeError:
        return None
    return data, pandas, ours, f"{sep!r}, " + ", ".join(traits), trailing


def nearest(v, text, decimal, thousands):
    """A number that pandas has read, as the float64 nearest to its text: with decimal="," pandas is an ulp off at times."""
    if pd.isna(v):
        return None
    if isinstance(v, (bool, np.bool_)):
        return float(v)
    exact = float(text.replace(thousands, "").replace(decimal, ".")) if thousands else float(text.replace(decimal, "."))
    assert abs(exact - float(v)) <= 1e-15 * abs(exact), (v, text)
    return exact


def case(r):
    """One table, and what pandas reads of it; None where that is nothing."""
    made = table(r)
    if made is None:
        return None
    data, options, ours, name, trailing = made
    try:
        read = pd.read_csv(io.BytesIO(data), float_precision="round_trip", **options)
        text = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False, **options)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as e:
        print("pandas:", name, e, file=sys.stderr)
        return None
    if not len(read):
        return None
    if trailing:  # a column without a name and without a value is none
        read, text = read.iloc[:, :-1], text.iloc[:, :-1]
    numbers = [i for i, t in enumerate(read.dtypes) if t.kind in "iufb"]
    decimal, thousands = options.get("decimal", "."), options.get("thousands", "")
    return {
        "name": name, "data": base64.b64encode(data).decode(), "options": ours, "columns": [str(c) for c in read.columns],
        "numbers": numbers, "booleans": [i for i in numbers if read.dtypes.iloc[i].kind == "b"],
        "values": [[nearest(v, t, decimal, thousands) for v, t in zip(read.iloc[:, i], text.iloc[:, i])] for i in numbers],
        "text": [[v.strip(" \t") for v in text.iloc[:, i]] for i in range(text.shape[1])],
    }


def main():
    warnings.simplefilter("ignore")
    here = os.path.dirname(__file__)
    count, seed, out = 60, 1, os.path.join(here, "dialects_random.json")
    if len(sys.argv) > 1:
        count, seed, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    r = random.Random(seed)
    cases = []
    while len(cases) < count:
        c = case(r)
        if c is not None:
            cases.append(c)
    with open(out, "w") as f:
        f.write("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")


if __name__ == "__main__":
    main()
