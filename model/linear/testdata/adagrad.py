#!/usr/bin/env python3
"""Writes adagrad.json: what --learning_rate=adagrad is to learn, by the formulas alone, column by column in numpy.

Run it in this directory. internal/steps/adagrad.go has the formulas and their sources.
"""
import json

import numpy as np

ALPHA, ETA, EPOCHS = 0.01, 0.7, 2
SLOPES = {
    "log_loss": lambda p, y: -y / (1 + np.exp(p * y)),
    "hinge": lambda p, y: -y if p * y <= 1 else 0.0,
    "squared_error": lambda p, y: p - y,
}


def learn(x, y, weight, loss, ratio, average):
    n, d = x.shape
    x = np.c_[x, np.ones(n)]  # the intercept is a column of ones, without a penalty
    w, g2, largest, mean, touched = (np.zeros(d + 1) for _ in range(5))
    touched += 1
    scaled, factor, t = 0.0, 0.0, 1
    due, had = np.zeros(d + 1), np.zeros(d + 1)  # of the l1 penalty, in this epoch

    def settle(j):
        """Has column j take the penalties of rows touched to t-1, and takes these rows into the mean."""
        rows = t - touched[j]
        middle = w[j]
        if rows and j < d and g2[j] > 0 and ratio is not None:
            cost = ALPHA * factor / (largest[j] * np.sqrt(g2[j]))

            def truncated(due):
                return np.sign(w[j]) * max(abs(w[j]) - max(0, due + np.sign(w[j]) * had[j]), 0)

            half = cost * (rows + 1) / 2
            middle = truncated(due[j] + half * ratio) / (1 + half * (1 - ratio))
            due[j] += cost * rows * ratio
            z = truncated(due[j])
            had[j] += z - w[j]
            w[j] = z / (1 + cost * rows * (1 - ratio))
        counted = lambda row: max(0, row - average + 1) if average else 0
        before, now = counted(touched[j] - 1), counted(t - 1)
        if now > before:
            mean[j] = (mean[j] * before + middle * (now - before)) / now
        touched[j] = t

    for _ in range(EPOCHS):
        for row in range(n):
            here = np.flatnonzero(x[row])
            for j in here:
                settle(j)
                m = abs(x[row, j])
                if m > largest[j]:
                    w[j] *= largest[j] / m if largest[j] else 1
                    largest[j] = m
            scaled += np.sum((x[row, here] / largest[here]) ** 2)
            factor = ETA * np.sqrt(t / scaled)
            g = SLOPES[loss](x[row] @ w, y[row]) * weight[row]
            if g:
                g2[here] += (g * x[row, here]) ** 2
                w[here] -= factor * g * x[row, here] / (largest[here] * np.sqrt(g2[here]))
            t += 1
        for j in range(d + 1):
            settle(j)
        due[:], had[:] = 0, 0
    w = mean if average else w
    return w[:d].tolist(), float(w[d])


def main():
    r = np.random.default_rng(21)
    n, d = 150, 6
    x = (r.normal(size=(n, d)) + 0.5) * 10.0 ** np.arange(-2, d - 2) * (r.random((n, d)) < [1, 1, 0.5, 0.3, 0.1, 0.02])
    z = x @ (r.normal(size=d) / 10.0 ** np.arange(-2, d - 2))
    sign = np.where(z + r.normal(size=n) > 0, 1.0, -1.0)
    weight = r.integers(0, 4, size=n) / 2
    cases = []
    for loss, penalty, average in [
        ("log_loss", "l2", 0), ("log_loss", "l2", 100), ("log_loss", "none", 1), ("hinge", "l1", 0),
        ("hinge", "elasticnet", 40), ("squared_error", "l2", 200), ("squared_error", "elasticnet", 0),
    ]:
        y = z + r.normal(size=n) if loss == "squared_error" else sign
        ratio = {"l2": 0.0, "l1": 1.0, "elasticnet": 0.15, "none": None}[penalty]
        coef, intercept = learn(x, y, weight, loss, ratio, average)
        cases.append(dict(loss=loss, penalty=penalty, average=average, y=y.tolist(), coef=coef, intercept=intercept))
    with open("adagrad.json", "w") as f:
        json.dump(dict(alpha=ALPHA, eta0=ETA, epochs=EPOCHS, columns=d, x=x.ravel().tolist(), weights=weight.tolist(), cases=cases), f)
        f.write("\n")


if __name__ == "__main__":
    main()
