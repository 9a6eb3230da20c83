"""An example for any schema of the OpenAPI document: by the names of its fields, else by what fits the schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.example_values import OF_OPERATION, VALUES

Json = dict[str, Any]


class Examples:
    """Examples for the schemas of one document, so that references are followed."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._schemas: Mapping[str, Json] = document.get("components", {}).get("schemas", {})

    def of(self, schema: Json, operation: str, name: str = "") -> Any:
        """A value that the schema accepts, as it would stand under `name` in the operation."""
        schema = self._resolved(schema)
        known = {**VALUES, **OF_OPERATION.get(operation, {})}
        if name in known and self._fits(known[name], schema):
            return known[name]
        for said in ("const", "default"):
            if said in schema:
                return schema[said]
        for listed in ("examples", "enum"):
            if schema.get(listed):
                return schema[listed][0]
        return self._made(schema, operation, name)

    def _made(self, schema: Json, operation: str, name: str) -> Any:
        for choices in ("anyOf", "oneOf"):
            if choices in schema:
                return self.of(schema[choices][0], operation, name)
        kind = schema.get("type", "object")
        if kind == "array":
            return [self.of(item, operation, name) for item in self._items(schema)]
        if kind == "object":
            fields = schema.get("properties", {})
            return {field: self.of(inner, operation, field) for field, inner in fields.items()}
        plain = {"integer": max(1, schema.get("minimum", 1)), "number": 0.5, "boolean": True, "null": None}
        return plain.get(kind, "text" if schema.get("minLength", 0) <= 4 else "t" * schema["minLength"])

    def _items(self, schema: Json) -> list[Json]:
        if "prefixItems" in schema:
            return list(schema["prefixItems"])
        return [schema.get("items", {})] * max(1, schema.get("minItems", 1))

    def _resolved(self, schema: Json) -> Json:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def _fits(self, value: Any, schema: Json) -> bool:
        """Whether the value is of the schema's kind; the test of the document checks the rest."""
        choices = [self._resolved(s) for s in schema.get("anyOf", [schema])]
        kinds = {
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "number": isinstance(value, int | float) and not isinstance(value, bool),
            "string": isinstance(value, str),
            "boolean": isinstance(value, bool),
            "array": isinstance(value, list),
            "object": isinstance(value, dict),
            "null": value is None,
        }
        return any(kinds.get(s.get("type", "object"), False) and self._holds(value, s) for s in choices)

    def _holds(self, value: Any, schema: Json) -> bool:
        """Whether a value of the right kind is one of those listed, and its parts fit too."""
        if isinstance(value, list):
            return all(self._fits(part, self._resolved(schema.get("items", {}))) for part in value)
        if isinstance(value, dict) and schema.get("properties"):
            return set(schema.get("required", ())) <= value.keys()
        return "enum" not in schema or value in schema["enum"]
