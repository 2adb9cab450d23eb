"""Jets with made-up constituents, and trees as Python has them."""

import numpy as np

from pipeline.physics.jet_trees import COMPONENTS
from pipeline.physics.kinematics import momentum
from pipeline.physics.objects import Objects


def jets(*each):
    """From lists of (pt, eta, phi, mass) for each jet, as they are."""
    flat = np.array([particle for jet in each for particle in jet], dtype=float).reshape(-1, 4)
    p = momentum(*flat.T)
    columns = {name: getattr(p, name) for name in COMPONENTS}
    return Objects(np.repeat(np.arange(len(each)), [len(jet) for jet in each]).astype(int), len(each), columns)


def drawn(rng, counts):
    """Jets of so many constituents, by falling pt, around their own axes."""
    each = []
    for n in counts:
        pt = np.sort(rng.exponential(8, n) + 0.3)[::-1]
        eta, phi = (rng.uniform(-c, c) + rng.normal(0, 0.3, n) for c in (2, np.pi))
        each.append(list(zip(pt, eta, phi, rng.choice([0, 0.14, 0.5], n), strict=True)))
    return jets(*each)


def split(trees):
    """Of each jet, its momenta and children."""
    first_node, first_merge = np.cumsum([0, *trees.n_nodes]), np.cumsum([0, *trees.n_merges])
    return [
        (trees.momenta[first_node[j] : first_node[j + 1]], trees.children[first_merge[j] : first_merge[j + 1]])
        for j in range(len(trees.counts))
    ]


def leaves_below(children, n):
    """Of each merge, the set of leaves on its left and on its right."""
    sets, found = [frozenset([leaf]) for leaf in range(n)], []
    for left, right in children.tolist():
        found.append((sets[left], sets[right]))
        sets.append(sets[left] | sets[right])
    return found
