"""How tf2onnx learns TensorFlow's `Erfc`, which the activation gelu uses: ONNX has `Erf` only."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


@cache
def teach_erfc() -> None:
    """Let tf2onnx know `Erfc`; once a process."""
    from tf2onnx.handler import tf_op  # takes long to import

    tf_op("Erfc")(Erfc)


class Erfc:
    """erfc(x) = 1 - erf(x): no digit is lost that an output in [0, 1] would show."""

    @classmethod
    def version_9(cls, ctx: Any, node: Any, **_: Any) -> None:
        """Replace *node* of the graph *ctx*, for ONNX's operations from version 9 on."""
        shape, dtype = ctx.get_shape(node.output[0]), ctx.get_dtype(node.output[0])
        ctx.remove_node(node.name)
        one = ctx.make_const(f"{node.name}_one", np.array(1, dtype=np.float32))
        erf = ctx.make_node("Erf", node.input, shapes=[shape], dtypes=[dtype])
        ctx.make_node("Sub", [one.output[0], erf.output[0]], outputs=node.output, shapes=[shape], dtypes=[dtype])
