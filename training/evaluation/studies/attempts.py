"""Several attempts at the same victims, each as if the others had not been: every one follows the same history."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.event.numpy_row import rows_of
from training.pipeline.deployments import DeploymentPopulations


def replay_attempts(
    populations: DeploymentPopulations,
    deployment: Array,
    histories: Sequence[pa.Table],
    attempts: Sequence[Sequence[pa.Table]],
) -> list[list[Array]]:
    """The features of the events of `attempts[number][victim]`, each after its victim's history.

    Victims keep their names, so that the population knows what of it is their own. `deployment` has one number for
    each victim.
    """
    found = []
    for tables in attempts:
        every = pa.concat_tables([*histories, *tables])
        of_row = np.concatenate([np.repeat(deployment, [len(each) for each in part]) for part in (histories, tables)])
        matrix = populations.replay(rows_of(every), of_row)
        ends = np.cumsum([len(each) for each in (*histories, *tables)])[:-1]
        found.append(np.split(matrix, ends)[len(histories) :])
    return found
