"""The JSON Schema of a mapping, which editors complete from: `python -m pipeline.mapping.schema`."""

from __future__ import annotations

import json
import sys

from pipeline.mapping.models import Mapping


def json_schema() -> str:
    """The text of mappings/mapping.schema.json."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Mapping.model_json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_schema())
