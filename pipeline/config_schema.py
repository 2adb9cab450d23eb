"""The JSON schema of an analysis: `config/schema.json`, by which editors complete and check a YAML."""

from __future__ import annotations

from typing import Any

from pipeline import plugins
from pipeline.config import Analysis


def json_schema() -> dict[str, Any]:
    """The JSON schema of an analysis; `task` is the `Settings` of the task that its `kind` names."""
    schema = Analysis.model_json_schema()
    schema["properties"].pop("name")
    schema["required"].remove("name")
    tasks = plugins.task_names()
    for kind in tasks:
        settings = plugins.load_task(kind).Settings.model_json_schema(ref_template=f"#/$defs/{kind}.{{model}}")
        schema["$defs"] |= {f"{kind}.{name}": part for name, part in settings.pop("$defs", {}).items()}
        schema["$defs"][kind] = {**settings, "title": kind}
    schema["properties"]["task"] |= {
        "type": ["object", "null"],
        "properties": {"kind": {"enum": tasks}},
        "required": ["kind"],
        # Not one of several, of whose mistakes an editor would show those of any.
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}},
                "then": {"anyOf": [{"type": "null"}, {"$ref": f"#/$defs/{kind}"}]},
            }
            for kind in tasks
        ],
    }
    return schema
