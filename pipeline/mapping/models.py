"""The mapping: what a person decides about one database, as frozen models.

Tables, columns and keys go by their SOURCE names throughout; only `to:` holds a target name, so a
rename is one edit. `read.py` makes these from YAML, `dialects/draft.py` from a source's catalog.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from pipeline.mapping.conditions import valid_condition, valid_generated, valid_predicate
from pipeline.mapping.defaults import valid_default
from pipeline.mapping.names import Naming, fold, storable, valid_column, valid_name, valid_schema
from pipeline.mapping.parts import HYPERLINK, OFFSET, OLE, WHOLE, ColumnPart
from pipeline.mapping.scalars import written
from pipeline.mapping.selects import valid_select
from pipeline.mapping.types import family, parse_type


def _known_codec(name: str) -> str:
    try:
        "a".encode(name)
    except (LookupError, ValueError) as error:
        raise ValueError(f"unknown encoding {name!r}; Korean Windows is cp949, western Windows is cp1252") from error
    return name


Text = Annotated[str, AfterValidator(storable)]
Scalar = Annotated[bool | int | Decimal | Text, WithJsonSchema({"type": ["boolean", "number", "string"]})]
"""A value as YAML writes it; numbers with a point are decimals, because floats are not exact."""
SourceName = Annotated[str, StringConstraints(min_length=1)]
TargetName = Annotated[str, AfterValidator(valid_name)]
PostgresType = Annotated[str, AfterValidator(lambda text: str(parse_type(text)))]
DefaultExpression = Annotated[
    str,
    BeforeValidator(lambda value: written(value) if isinstance(value, bool | int | Decimal) else value),
    AfterValidator(valid_default),
    WithJsonSchema({"type": ["boolean", "number", "string"]}),
]
Codec = Annotated[str, AfterValidator(_known_codec)]
Reaction = Literal["no action", "cascade", "set null"]
Operator = Literal["=", "<>", "<", "<=", ">", ">=", "in", "not in", "is null", "is not null"]


class Part(BaseModel):
    """Any part of a mapping: frozen, and strict about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_by_name=True)


class Encoding(Part):
    """How text that was stored wrongly is read."""

    repair: Codec | None = Field(
        None, description="Bytes of this encoding stand in the text as Latin-1 characters; a value that "
        "does not come back bit-identical is a reject."
    )  # fmt: skip
    read_as: Codec | None = Field(
        None, description="What `repair` undoes, where the bytes were not read as Latin-1 or Windows-1252: cp949."
    )
    only: Literal["korean"] | None = Field(
        None, description="`repair` changes what becomes Korean by it, and leaves every other value as it is."
    )
    compose: Literal["hangul"] | None = Field(
        None, description="Korean in decomposed letters becomes syllables, recorded as a loss; other text stays."
    )
    invalid: Literal["reject", "replace"] = Field(
        "reject", description="Text that PostgreSQL cannot hold: refuse the row, or replace it and record the loss."
    )

    @model_validator(mode="after")
    def _of_a_repair(self) -> Self:
        for option in ("read_as", "only"):
            if getattr(self, option) is not None and self.repair is None:
                raise ValueError(f"{option} says how to repair, and `repair` names no encoding")
        return self


class ColumnMapping(Part):
    """One column of the source."""

    skip: bool = Field(False, description="Leave the column behind.")
    to: Annotated[str, AfterValidator(valid_column)] | None = Field(
        None, description="Name in PostgreSQL; without it the source name, folded as `naming` says."
    )
    type: PostgresType | None = Field(
        None, description="PostgreSQL type: varchar(50), numeric(19,4), timestamp, text[], ..."
    )
    required: bool = Field(False, description="NOT NULL; a row without a value is a reject.")
    identity: bool = Field(False, description="Numbers new rows by itself, after the highest value that arrived.")
    default: Scalar | None = Field(None, description="Value that takes the place of NULL in the source.")
    default_sql: DefaultExpression | None = Field(
        None, description="Default of the PostgreSQL column: a number, 'text', true, false, now(), current_date or "
        "gen_random_uuid()."
    )  # fmt: skip
    generated: Annotated[str, AfterValidator(valid_generated)] | None = Field(
        None, description="PostgreSQL computes the column by this expression over the PostgreSQL names of the table's "
        "other columns, and the source's values stay behind."
    )  # fmt: skip
    trim: Literal["both", "left", "right"] | None = Field(None, description="Cut white space at these ends.")
    empty_to_null: bool = Field(False, description="The empty text becomes NULL.")
    encoding: Encoding | None = None
    values: dict[str, Scalar | None] | None = Field(
        None, min_length=1, description="Source value: target value. A value that is not listed is a reject."
    )
    hyperlink: Literal["split"] | None = Field(
        None, description="Makes columns of a hyperlink's parts: the text, and `_address`, `_subaddress` and "
        "`_screen_tip` after the column's name."
    )  # fmt: skip
    ole: Literal["unwrap"] | None = Field(
        None, description="Takes the embedded file out of an OLE object, with `_file_name` and `_class` after the "
        "column's name."
    )  # fmt: skip
    offset: Literal["keep"] | None = Field(
        None, description="Keeps the offset of a datetimeoffset, in minutes ahead of UTC, with `_offset` after the "
        "column's name."
    )  # fmt: skip
    rich_text: Literal["strip"] | None = Field(
        None, description="Makes plain text of HTML, and records each change as a loss."
    )
    round: bool = Field(False, description="Round to the type's scale, and record each change as a loss.")
    comment: Text | None = Field(None, description="COMMENT ON the PostgreSQL column.")

    @model_validator(mode="after")
    def _one_source_of_new_values(self) -> Self:
        if self.identity and self.default_sql is not None:
            raise ValueError("identity and default_sql exclude each other")
        return self

    @model_validator(mode="after")
    def _generated_alone(self) -> Self:
        if self.generated is not None:
            _exclusive("generated", self, allowed={"to", "type", "required", "comment"})
        return self

    @model_validator(mode="after")
    def _parts_alone(self) -> Self:
        for option, family_of, beside in (
            ("hyperlink", "text", {"encoding", "rich_text"}),
            ("ole", "bytea", {"encoding"}),
            ("offset", "time", {"default_sql", "round"}),
        ):
            if getattr(self, option) is not None:
                _exclusive(option, self, allowed={"to", "type", "required", "comment", *beside})
                _typed(option, self, family_of)
        if self.ole is not None and self.encoding is not None:
            for how in ("read_as", "only", "compose"):
                if getattr(self.encoding, how) is not None:
                    raise ValueError(f"ole and {how} exclude each other")
        if self.rich_text is not None:
            _typed("rich_text", self, "text")
        return self

    @property
    def parts(self) -> tuple[ColumnPart, ...]:
        """The PostgreSQL columns that it becomes."""
        return HYPERLINK if self.hyperlink else OLE if self.ole else OFFSET if self.offset else WHOLE


def _exclusive(option: str, column: ColumnMapping, *, allowed: set[str]) -> None:
    """Raise ValueError where the column says more than an option allows beside it."""
    for name in sorted(column.model_fields_set - allowed - {option}):
        if getattr(column, name) != ColumnMapping.model_fields[name].default:
            raise ValueError(f"{option} and {name} exclude each other")


def _typed(option: str, column: ColumnMapping, wanted: str) -> None:
    if column.type is not None and family(parse_type(column.type)) != wanted:
        raise ValueError(f"{option} yields {wanted}, and the type is {column.type}")


class Condition(Part):
    """A row is carried when all conditions of its table hold, as in SQL's WHERE."""

    column: SourceName
    op: Operator
    value: Scalar | tuple[Scalar, ...] | None = None

    @model_validator(mode="after")
    def _value_suits(self) -> Self:
        match self.op, self.value:
            case (("in" | "not in"), tuple()) if self.value:
                return self
            case (("in" | "not in"), _):
                raise ValueError(f"`{self.op}` needs a list of values")
            case (("is null" | "is not null"), None):
                return self
            case (("is null" | "is not null"), _):
                raise ValueError(f"`{self.op}` takes no value")
            case _, None | tuple():
                raise ValueError(f"`{self.op}` needs one value")
        return self


class Unique(Part):
    """A UNIQUE constraint; rows with a NULL in its columns do not contradict each other."""

    name: TargetName
    columns: tuple[SourceName, ...] = Field(min_length=1)


class IndexMapping(Part):
    """An index that is not a constraint."""

    name: TargetName
    columns: tuple[SourceName, ...] = Field(min_length=1)
    descending: tuple[SourceName, ...] = Field((), description="Those of the columns that are sorted downwards.")
    unique: bool = False
    ignore_nulls: bool = Field(False, description="Rows whose every column is NULL are not in the index.")
    include: tuple[SourceName, ...] = Field(
        (), description="Further columns that the index holds, without being ordered by them."
    )
    where: Annotated[str, AfterValidator(valid_predicate)] | None = Field(
        None, description="Only rows that meet this condition over the PostgreSQL names of the table's own columns are "
        "in the index."
    )  # fmt: skip

    @model_validator(mode="after")
    def _each_column_once(self) -> Self:
        for column in self.descending:
            if column not in self.columns:
                raise ValueError(f"{column!r} is descending, and not among the columns")
        for column in self.include:
            if column in self.columns:
                raise ValueError(f"{column!r} is included, and among the columns already")
        return self

    @model_validator(mode="after")
    def _one_condition(self) -> Self:
        if self.ignore_nulls and self.where is not None:
            raise ValueError("ignore_nulls and where exclude each other")
        return self


class ForeignKeyMapping(Part):
    name: TargetName
    columns: tuple[SourceName, ...] = Field(min_length=1)
    references: SourceName = Field(description="Source name of the parent table.")
    referenced_columns: tuple[SourceName, ...] = Field(min_length=1)
    on_update: Reaction = "no action"
    on_delete: Reaction = "no action"
    not_valid: bool = Field(
        False, description="Rows that arrive may name no parent, and stay; from then on PostgreSQL checks each new row."
    )

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.columns) != len(self.referenced_columns):
            raise ValueError("columns and referenced_columns differ in number")
        return self


class CheckMapping(Part):
    """A CHECK constraint; a row that breaks it is a reject."""

    name: TargetName
    sql: Annotated[str, AfterValidator(valid_condition)] = Field(
        description="Condition over the PostgreSQL names of the table's own columns, with a few common functions."
    )


class TableMapping(Part):
    """One table of the source."""

    skip: bool = Field(False, description="Leave the table behind.")
    to: TargetName | None = Field(
        None, description="Name in PostgreSQL; without it the source name, folded as `naming` says."
    )
    load: Literal["append", "replace", "upsert"] = Field(
        "append", description="What happens to rows that the target table already holds."
    )
    filter: tuple[Condition, ...] = Field((), description="Only rows for which all conditions hold.")
    columns: dict[SourceName, ColumnMapping] = Field(default_factory=dict)
    primary_key: tuple[SourceName, ...] = ()
    unique: tuple[Unique, ...] = ()
    indexes: tuple[IndexMapping, ...] = ()
    foreign_keys: tuple[ForeignKeyMapping, ...] = ()
    checks: tuple[CheckMapping, ...] = ()
    comment: Text | None = Field(None, description="COMMENT ON the PostgreSQL table.")

    @model_validator(mode="after")
    def _upsert_has_key(self) -> Self:
        if self.load == "upsert" and not self.primary_key and not self.skip:
            raise ValueError("load: upsert needs a primary_key to find the row by")
        return self


class ViewMapping(Part):
    """A query of the source that becomes a view."""

    skip: bool = Field(False, description="Leave the query behind.")
    to: TargetName | None = Field(
        None, description="Name in PostgreSQL; without it the source name, folded as `naming` says."
    )
    sql: Annotated[str, AfterValidator(valid_select)] | None = Field(
        None, description="One SELECT over PostgreSQL names of this mapping's tables and views, with common functions."
    )

    @model_validator(mode="after")
    def _has_sql(self) -> Self:
        if self.sql is None and not self.skip:
            raise ValueError("a view needs its `sql`, or `skip: true`")
        return self


class Target(Part):
    schema_name: Annotated[str, AfterValidator(valid_schema)] = Field(default="public", alias="schema")


class Mapping(Part):
    """One source database, completely: every table and column of it is named."""

    naru: Literal[1] = Field(description="Version of this format.")
    target: Target = Target()
    naming: Naming = Field("snake", description="How names without `to` are folded.")
    code_page: Annotated[int, Field(gt=0, lt=65536)] | Codec | None = Field(
        None, description="Code page of a Jet 3 file whose header is wrong about it: 949."
    )
    tables: dict[SourceName, TableMapping]
    views: dict[SourceName, ViewMapping] = Field(
        default_factory=dict, description="Saved queries that become views; one that is not here is not carried."
    )

    def table_name(self, table: str) -> str:
        """The PostgreSQL name of a source table."""
        return self.tables[table].to or fold(table, self.naming)

    def column_name(self, table: str, column: str) -> str:
        """The PostgreSQL name of a source column."""
        return self.tables[table].columns[column].to or fold(column, self.naming)

    def view_name(self, query: str) -> str:
        """The PostgreSQL name of a source query."""
        return self.views[query].to or fold(query, self.naming)

    def column_names(self, table: str, column: str) -> tuple[str, ...]:
        """The PostgreSQL names of everything that a source column becomes; none where it is skipped."""
        mapped, name = self.tables[table].columns[column], self.column_name(table, column)
        return () if mapped.skip else tuple(name + part.suffix for part in mapped.parts)
