"""The population of each deployment: how common values are among its own identities, from its own early window.

In service a deployment measures its own recent log. A model that was trained against the population of all simulated
deployments together would read every rarity differently there. So training measures each deployment by itself, and
blends a small window with the prior, which is what a model brings along.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from features.arrays import Array
from features.catalogue.all import FEATURES
from features.engine.batch import replay_rows
from features.engine.population_window import measure_window
from features.event.numpy_row import rows_of
from features.history.population_blend import blend
from training.data.labels import World

ONE_LOG = ""
"""The name of the deployment of rows that name none."""


@dataclass(frozen=True)
class DeploymentPopulations:
    """A population snapshot for each deployment, and the prior."""

    names: tuple[str, ...]
    snapshots: Array
    """Each its own window blended with the prior, shape (deployments,) of POPULATION."""
    measured: Array
    """What each measured on its own window, in the same shape; the prior where it has none."""
    prior: Array
    """The population of all of them together, or the one a model brings; shape (1,)."""

    @staticmethod
    def one_log(population: Array) -> DeploymentPopulations:
        """For a log that names no deployments."""
        return DeploymentPopulations((ONE_LOG,), population, population, population)

    def with_prior(self, prior: Array) -> DeploymentPopulations:
        """The same with another prior, which speaks where a window is small or there is none."""
        if prior.tobytes() == self.prior.tobytes():
            return self
        none = np.array([each.tobytes() == self.prior[0].tobytes() for each in self.measured])
        measured = self.measured.copy()
        measured[none] = prior[0]
        return replace(self, snapshots=_blend_each(prior, measured), measured=measured, prior=prior)

    def only(self, numbers: Array) -> DeploymentPopulations:
        """Those of some deployments, by number: a snapshot takes megabytes, and other processes need few."""
        chosen = np.unique(numbers)
        names = tuple(self.names[number] for number in chosen.tolist())
        return replace(self, names=names, snapshots=self.snapshots[chosen], measured=self.measured[chosen])

    def number_rows(self, world: World) -> Array:
        """The number of each row's deployment, shape (n,). Raises KeyError for one that was not measured."""
        names, codes = deployments_of(world)
        known = {name: number for number, name in enumerate(self.names)}
        numbers: Array = np.array([known[name] for name in names], np.int64)[codes]
        return numbers

    def replay(self, rows: Array, deployment: Array) -> Array:
        """The features of rows, each against its own deployment's population, shape (n, features)."""
        matrix = np.empty((len(rows), len(FEATURES)))
        for number in np.unique(deployment).tolist():
            of_it = np.flatnonzero(deployment == number)
            matrix[of_it] = replay_rows(rows[of_it], self.snapshots[number : number + 1])
        return matrix

    def replay_in_batches(
        self, events: pa.Table, deployment: Array, identity: Array, size: int
    ) -> Iterator[tuple[Array, Array, float]]:
        """Numbers of rows, their features, and the share of all rows done: about `size` events of whole identities at
        a time, because rows take as much memory as their features."""
        done = 0
        for number in range(len(self.names)):
            of_it = np.flatnonzero(deployment == number)
            groups = -(-len(of_it) // size)
            for group in range(groups):
                chosen = of_it[identity[of_it] % groups == group]
                rows = rows_of(events.take(pa.array(chosen)))
                done += len(chosen)
                yield chosen, replay_rows(rows, self.snapshots[number : number + 1]), done / len(events)


def batch_identities(identity: Array, deployment: Array, rows: Array, size: int) -> Array:
    """The batch of each identity by its number, so that a batch has about `size` of some rows, given by number, and few
    deployments."""
    count = np.bincount(identity[rows], minlength=int(identity.max(initial=0)) + 1)
    home = np.zeros(len(count), np.int64)
    home[identity] = deployment
    order = np.argsort(home, kind="stable")
    batch = np.zeros(len(count), np.int64)
    batch[order] = np.maximum(np.cumsum(count[order]) - 1, 0) // size
    return batch


def deployments_of(world: World) -> tuple[tuple[str, ...], Array]:
    """The names of a world's deployments, and the number of each row's, shape (n,)."""
    coded = world.labels["deployment"].fill_null(ONE_LOG).combine_chunks().dictionary_encode()
    return tuple(coded.dictionary.to_pylist()), coded.indices.to_numpy().astype(np.int64)


def measure_deployments(world: World, window: Array, prior: Array | None = None) -> DeploymentPopulations:
    """Measure every deployment of a world on the rows of its window, a mask of shape (n,).

    Without a prior, the prior is measured on the windows of all deployments. Rows that name no deployment have the
    prior.
    """
    names, codes = deployments_of(world)
    if prior is None:
        prior = measure_window(world.events.filter(pa.array(window)))
    measured = np.repeat(prior, len(names))
    for number, name in enumerate(names):
        own = np.flatnonzero(window & (codes == number))
        if name != ONE_LOG and len(own):
            measured[number : number + 1] = measure_window(world.events.take(pa.array(own)))
    return DeploymentPopulations(names, _blend_each(prior, measured), measured, prior)


def _blend_each(prior: Array, measured: Array) -> Array:
    """Each deployment's own window, blended with the prior while it is small."""
    snapshots = measured.copy()
    for number in range(len(measured)):
        if measured[number].tobytes() != prior[0].tobytes():
            snapshots[number : number + 1] = blend(prior, measured[number : number + 1])
    return snapshots
