from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from pipeline.mapping.schema import json_schema

_FILE = Path(__file__).parents[3] / "mappings" / "mapping.schema.json"


def test_the_committed_schema_is_current() -> None:
    assert _FILE.read_text("utf-8") == json_schema(), (
        "run: python -m pipeline.mapping.schema > mappings/mapping.schema.json"
    )


def test_the_schema_knows_good_from_bad() -> None:
    schema = json.loads(json_schema())
    column = {"type": "text", "default": 0.5, "default_sql": False, "values": {"Y": True, "": None}}
    good = {"naru": 1, "target": {"schema": "s"}, "tables": {"A": {"columns": {"B": column}, "primary_key": ["B"]}}}
    jsonschema.validate(good, schema)
    for bad in ({"naru": 2, "tables": {}}, {"naru": 1}, good | {"tables": {"A": {"colums": {}}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def test_an_editor_finds_nothing_wrong_with_the_worked_example() -> None:
    example = YAML(typ="safe", pure=True).load(_FILE.with_name("routing_ml.yaml"))
    jsonschema.validate(example, json.loads(json_schema()))
