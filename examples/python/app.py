# SPDX-License-Identifier: Apache-2.0
"""A small shop, without a line about telemetry: opentelemetry-instrument brings all of it."""
from flask import Flask, abort, jsonify

app = Flask(__name__)

PRICES = {"apple": 30, "pear": 45, "quince": 120}


@app.get("/")
def index():
    return jsonify(sorted(PRICES))


@app.get("/price/<name>")
def price(name: str):
    if name not in PRICES:
        abort(404)
    return jsonify(cents=PRICES[name])


@app.get("/broken")
def broken():
    raise RuntimeError("the till is empty")
