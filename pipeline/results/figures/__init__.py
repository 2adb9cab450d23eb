"""The figures: one file for each kind.

A file here has `draw_<kind>(...) -> Figure`, which draws from arrays and records alone, and `drawings(products)`, which
lists the figures of that kind that an analysis has. `pipeline.results.plot` writes them as PDF and PNG.

| file | name of the figure | shows |
|---|---|---|
| `roc.py` | `roc`, `roc_linear` | background rejection, and background efficiency, against signal efficiency |
| `cost.py` | `cost_auc`, `cost_rejection` | both against parameters and speed of the models |
| `sizes.py` | `learning_curve_auc`, `learning_curve_rejection` | both against the number of training events |
| `stability.py` | `auc_against_<observable>`, `rejection_against_<observable>` | both in bins of an observable |
| `scores.py` | `<model>_overtraining` | score of test events against training events, by class |
| `stack.py` | `<histogram>`, `<model>_score` | expected events by process, with data and their ratio when there are data |
| `shape.py` | `<histogram>_shape` | the classes, each normalised to unit area |
| `losses.py` | `<model>_loss` | training and validation loss of every fold |
"""
