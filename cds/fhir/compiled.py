"""fhir.resources objects made by pydantic's compiled core alone, about four times as fast as the library makes them.

The library runs Python code of its own for every element. Here its classes are described to pydantic once more, without that code but with
the library's own rules for dates, codes and other primitives. It only ever says yes: what it does not accept is handed to the library,
which decides and explains. Whatever it accepts, the library accepts as an equal object (tests/properties/test_compiled.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from fhir.resources.R4B import get_fhir_model_class
from fhir_core.fhirabstractmodel import FHIRAbstractModel
from fhir_core.types import FhirBase, FhirElementOrResourceBase
from pydantic import TypeAdapter, ValidationError
from pydantic_core import CoreSchema, SchemaValidator
from pydantic_core import core_schema as schema

# for the whole process: what the library itself validates with is made when it is asked, which is seldom
FHIRAbstractModel.model_config["defer_build"] = True

Make = Callable[[str, dict[str, Any]], Any]
"""Makes the fhir.resources object of a type from JSON. Raises pydantic's `ValidationError`, or whatever else the library does."""


def by_library(type_: str, raw: dict[str, Any]) -> Any:
    """The object as fhir.resources itself makes it: the reference."""
    return model_of(type_).model_validate(raw)


def compiled(type_: str, raw: dict[str, Any]) -> Any:
    """The same object, made faster where that can be done; made, or refused, by the library where not."""
    try:
        return validator(type_).validate_python({name: value for name, value in raw.items() if name != "resourceType"})
    except ValidationError:
        return by_library(type_, raw)


@cache
def model_of(type_: str) -> Any:
    """The class of fhir.resources for a type."""
    return get_fhir_model_class(type_)


@cache
def validator(type_: str) -> SchemaValidator:
    """What makes the objects of a type, from JSON without `resourceType`. Raises `ValidationError` also where the library might accept."""
    model = model_of(type_)
    return SchemaValidator(schema.definitions_schema(_reference(model), list(_needed(model).values())))


def _needed(model: type[FHIRAbstractModel]) -> dict[str, CoreSchema]:
    """The definitions of a class and of all that it uses. Elements may hold each other, so they refer to each other by name."""
    found: dict[str, CoreSchema] = {}
    todo = [model]
    while todo:
        one = todo.pop()
        if one.__name__ not in found:
            found[one.__name__], used = _definition(one)
            todo.extend(used)
    return found


def _reference(model: type[FHIRAbstractModel]) -> CoreSchema:
    return schema.definition_reference_schema(model.__name__)


@cache
def _definition(model: type[FHIRAbstractModel]) -> tuple[CoreSchema, list[type[FHIRAbstractModel]]]:
    """The definition of a class, and the classes that it refers to; types share most of them."""
    fields = {}
    used: list[type[FHIRAbstractModel]] = []
    for element, field in model.model_fields.items():
        found = _of_annotation(field.annotation, tuple(field.metadata), used)
        whole = found if field.is_required() else schema.with_default_schema(found, default=None)
        fields[element] = schema.model_field(whole, validation_alias=field.alias)
    filled = schema.model_fields_schema(fields, extra_behavior="forbid", model_name=model.__name__)
    rules, ref = _rules(model), model.__name__
    if rules is None:
        return schema.model_schema(model, filled, custom_init=False, ref=ref), used
    return schema.no_info_after_validator_function(rules, schema.model_schema(model, filled, custom_init=False), ref=ref), used


def _of_annotation(annotation: Any, metadata: tuple[Any, ...], used: list[type[FHIRAbstractModel]]) -> CoreSchema:
    """The schema of an element; a class that it refers to is added to those used."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not type(None)]
        if len(members) == 1:
            return schema.nullable_schema(_of_annotation(members[0], metadata, used))
    elif origin is list:
        return schema.list_schema(_of_annotation(get_args(annotation)[0], metadata, used))
    elif isinstance(annotation, type) and issubclass(annotation, FhirElementOrResourceBase):
        return schema.none_schema()  # a resource inside another, of any type, is left to the library
    elif isinstance(annotation, type) and issubclass(annotation, FhirBase):
        model = annotation.get_model_klass()
        used.append(model)
        return _reference(model)
    return _primitive(Annotated[(annotation, *metadata)] if metadata else annotation)


@cache
def _primitive(annotation: Any) -> CoreSchema:
    """The library's own schema of a primitive."""
    return TypeAdapter(annotation).core_schema


def _rules(model: type[FHIRAbstractModel]) -> Callable[[Any], Any] | None:
    """What a class asks of its elements together: required primitives, and one of the elements of a choice such as `onset[x]`.

    None where it asks nothing, as most do: calling back for each element would cost.
    """
    empty = model.model_construct()
    required = [empty.get_alias_mapping()[name] for name, _ in empty.get_required_fields()]
    choices = []
    for elements in empty.get_one_of_many_fields().values():
        extra: Any = model.model_fields[elements[0]].json_schema_extra
        choices.append((frozenset(elements), extra["one_of_many_required"] is True))

    def check(made: Any) -> Any:
        values, given = made.__dict__, made.__pydantic_fields_set__
        if any(values[name] is None for name in required):
            raise ValueError("a required primitive may be missing")
        for elements, one_is_required in choices:
            if not one_is_required <= sum(values[element] is not None for element in given & elements) <= 1:
                raise ValueError("a choice may be wrong")
        return made

    return check if required or choices else None
