"""Train the net of engine `ranked`: of each group, what was meant shall score highest."""

from __future__ import annotations

import numpy as np

from huleedu_streams.spelling.scorer import Net

_EPOCHS, _BATCH = 14, 256
_RATE, _DECAY = 3e-3, 3e-5
# A linear score has nothing to break.
_LINEAR_RATE = 5e-2
_FIRST_MOMENT, _SECOND_MOMENT, _TINY = 0.9, 0.999, 1e-8

Parameters = dict[str, np.ndarray]


def train(
    rows: np.ndarray,
    numbers: np.ndarray,
    is_right: np.ndarray,
    weights: np.ndarray,
    hidden: int = 32,
) -> Net:
    """Return a net trained by Adam on the softmax over each group.

    Args:
        rows: Features of all candidates.
        numbers: Group of each candidate, ascending.
        is_right: Whether the candidate is what was meant.
        weights: How much each group counts.
        hidden: Units of the hidden layer.
    """
    random = np.random.default_rng(0)
    mean, scale = rows.mean(0), 1 / (rows.std(0) + 1e-6)
    scaled = ((rows - mean) * scale).astype(np.float32)
    starts = numbers.searchsorted(np.arange(len(weights) + 1))
    groups = np.flatnonzero(np.bincount(numbers, is_right, len(weights)) > 0)
    parameters = _first(random, scaled.shape[1], hidden)
    rate = _RATE if hidden else _LINEAR_RATE
    adam = _Adam(parameters, rate, total=_EPOCHS * (len(groups) // _BATCH))
    for _ in range(_EPOCHS):
        random.shuffle(groups)
        for begin in range(0, len(groups) - _BATCH + 1, _BATCH):
            chosen = groups[begin : begin + _BATCH]
            counts = starts[chosen + 1] - starts[chosen]
            places = np.arange(counts.sum()) + (starts[chosen] - counts.cumsum() + counts).repeat(
                counts
            )
            shares = (weights[chosen] / weights[chosen].sum()).repeat(counts)
            adam.step(_slopes(parameters, scaled[places], is_right[places], counts, shares))
    return Net(mean.astype(np.float32), scale.astype(np.float32), **parameters)


def _first(random: np.random.Generator, width: int, hidden: int) -> Parameters:
    return {
        "hidden": random.normal(0, width**-0.5, (width, hidden)).astype(np.float32),
        "bias": np.zeros(hidden, np.float32),
        "output": random.normal(0, 0.1, hidden).astype(np.float32),
        "direct": np.zeros(width, np.float32),
    }


def _slopes(
    now: Parameters, rows: np.ndarray, is_right: np.ndarray, counts: np.ndarray, shares: np.ndarray
) -> Parameters:
    """Return the gradient of the cross entropy."""
    sums = rows @ now["hidden"] + now["bias"]
    activity = np.maximum(sums, 0)
    scores = activity @ now["output"] + rows @ now["direct"]
    firsts = counts.cumsum() - counts
    scores = np.exp(scores - np.maximum.reduceat(scores, firsts).repeat(counts))
    chances = scores / np.add.reduceat(scores, firsts).repeat(counts)
    wrong = ((chances - is_right) * shares).astype(np.float32)
    back = np.outer(wrong, now["output"]) * (sums > 0)
    return {
        "hidden": rows.T @ back + _DECAY * now["hidden"],
        "bias": back.sum(0),
        "output": activity.T @ wrong + _DECAY * now["output"],
        "direct": rows.T @ wrong + _DECAY * now["direct"],
    }


class _Adam:
    """Changes parameters in place, at a rate that falls to nothing."""

    def __init__(self, parameters: Parameters, rate: float, total: int) -> None:
        self._rate = rate
        self._parameters = parameters
        self._total = total
        self._taken = 0
        self._first = {name: np.zeros_like(value) for name, value in parameters.items()}
        self._second = {name: np.zeros_like(value) for name, value in parameters.items()}

    def step(self, slopes: Parameters) -> None:
        self._taken += 1
        rate = self._rate * (1 - self._taken / (self._total + 1))
        for name, slope in slopes.items():
            first, second = self._first[name], self._second[name]
            first += (1 - _FIRST_MOMENT) * (slope - first)
            second += (1 - _SECOND_MOMENT) * (slope**2 - second)
            steady = first / (1 - _FIRST_MOMENT**self._taken)
            spread = np.sqrt(second / (1 - _SECOND_MOMENT**self._taken))
            self._parameters[name] -= rate * steady / (spread + _TINY)
