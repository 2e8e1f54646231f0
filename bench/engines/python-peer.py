"""Answers requests, one JSON text a line: loads a model, gives its values, measures it. Started by python.ts with one thread."""
import json
import sys
import time

import numpy

work = {}


def rows_of(path, count):
    """Rows of float32, or of what the lists of a JSON file hold: numbers, with null for missing ones, or strings."""
    if not path.endswith(".json"):
        return numpy.fromfile(path, dtype=numpy.float32).reshape(count, -1)
    with open(path) as file:
        rows = json.load(file)[:count]
    return numpy.array(rows, dtype=object if isinstance(rows[0][0], str) else float)


def load(request):
    import joblib

    model = joblib.load(request["joblib"])
    if hasattr(model, "n_jobs"):
        model.n_jobs = 1
    rows = rows_of(request["rows"], request["count"])
    method = getattr(model, request["method"])
    work[request["id"]] = lambda: method(rows)
    return type(model).__module__.split(".")[0].replace("sklearn", "scikit-learn").replace("xgboost", "XGBoost")


def gemm(request):
    n = request["n"]
    a, b = (numpy.fromfile(path, dtype=request["dtype"]).reshape(n, n) for path in request["paths"])
    work[request["id"]] = lambda: a @ b
    return "numpy"


def measure(request):
    call = work[request["id"]]
    call()
    times = []
    end = time.perf_counter() + request["ms"] / 1000
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e6


def values(request):
    return numpy.asarray(work[request["id"]](), dtype=float).ravel().tolist()


ACTIONS = {"load": load, "gemm": gemm, "measure": measure, "values": values}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"value": ACTIONS[request["do"]](request)}
    except Exception as error:  # The bench goes on without this peer.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
