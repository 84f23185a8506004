"""The learned part of engine `ranked`: costs of edits, and what a candidate's features are worth.

A net of one hidden layer, small enough to be a file of some kilobytes. Written by
`scripts/english`. Not here: what the features are (`features.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files

import numpy as np
import numpy.typing as npt

from huleedu_streams.errors import DictionaryError
from huleedu_streams.spelling.channel import Channel

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Net:
    """Features -> one number, the larger the likelier.

    Attributes:
        mean: Of each feature in training.
        scale: One over its standard deviation.
        hidden: Weights of the hidden layer, a column a unit.
        bias: Of the hidden units.
        output: Weights of the output.
        direct: Weights from the features past the hidden layer.
    """

    mean: Floats
    scale: Floats
    hidden: Floats
    bias: Floats
    output: Floats
    direct: Floats

    def score(self, rows: Floats) -> Floats:
        """Return the score of each row of features."""
        scaled = (rows - self.mean) * self.scale
        activity = scaled @ self.hidden + self.bias
        np.maximum(activity, 0, out=activity)
        return (activity @ self.output + scaled @ self.direct).astype(np.float32, copy=False)


@dataclass(frozen=True, slots=True)
class Weights:
    """All that was learned.

    Attributes:
        worth: Of the cheap features that cut candidates down.
        channel: What edits cost.
        net: What all features together are worth.
    """

    worth: Floats
    channel: Channel
    net: Net


def load_weights() -> Weights:
    """Return the weights that the wheel carries.

    Raises:
        DictionaryError: they cannot be read.
    """
    try:
        with (
            as_file(files("huleedu_streams.spelling") / "data" / "en.weights.npz") as path,
            np.load(path) as arrays,
        ):
            return from_arrays(dict(arrays))
    except (OSError, ValueError, KeyError) as error:
        raise DictionaryError("the ranker's weights cannot be read; install again") from error


def from_arrays(arrays: dict[str, Floats]) -> Weights:
    """Return weights by their names, as they are kept."""
    channel = Channel(*(arrays[name].astype(np.float32) for name in Channel.__slots__))
    net = Net(*(arrays[name].astype(np.float32) for name in Net.__slots__))
    return Weights(arrays["worth"].astype(np.float32), channel, net)
