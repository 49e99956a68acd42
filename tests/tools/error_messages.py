"""What PyTorch and Tessera say to the same wrong calls: the table of docs/errors.md.

usage: error_messages.py TESSERA CONFORMANCE-FOLDER CASE...   (needs python3-torch)"""
import json
import pathlib
import struct
import subprocess
import sys

import numpy as np
import torch

TYPES = {"F64": np.float64, "F32": np.float32, "I64": np.int64, "I32": np.int32, "U8": np.uint8, "BOOL": np.bool_}

def read_tensors(path):
    raw = path.read_bytes()
    n, = struct.unpack("<Q", raw[:8])
    head, data = json.loads(raw[8:8 + n]), raw[8 + n:]
    return {k: torch.from_numpy(np.frombuffer(data[v["data_offsets"][0]:v["data_offsets"][1]], TYPES[v["dtype"]]).reshape(v["shape"]).copy())
            for k, v in head.items() if k != "__metadata__" and v["dtype"] in TYPES}

def value(x, tensors):
    if isinstance(x, dict) and "tensor" in x: return tensors[x["tensor"]]
    if isinstance(x, dict) and "float" in x: return float(x["float"])
    if isinstance(x, list): return [value(v, tensors) for v in x]
    return x

def theirs(case, tensors):
    f = torch
    for part in case["op"].split("."): f = getattr(f, part, None) or getattr(torch.Tensor, part)
    try: f(*value(case["args"], tensors), **{k: value(v, tensors) for k, v in case["kwargs"].items()})
    except Exception as e: return str(e).split("\n")[0]
    return "(no error)"

def ours(tessera, folder, case):
    p = subprocess.run([tessera, "call", case["op"], "--in", folder / "tensors.safetensors", "--args",
                        json.dumps({"args": case["args"], "kwargs": case["kwargs"]}), "--out", "/dev/null"], capture_output=True, text=True)
    return p.stderr.strip().removeprefix("tessera call: ") if p.returncode else "(no error)"

tessera, folder, wanted = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
tensors = read_tensors(folder / "tensors.safetensors")
cell = lambda s: s.replace("|", "\\|")
print("| case | PyTorch | Tessera |\n| --- | --- | --- |")
for line in (folder / "cases.jsonl").open():
    case = json.loads(line)
    if case.get("error") and (case["id"] in wanted or (not wanted and "out" not in case["kwargs"])):
        print(f"| `{case['id']}` | {cell(theirs(case, tensors))} | {cell(ours(tessera, folder, case))} |")
