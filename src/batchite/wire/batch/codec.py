"""JSON to models and back.

Good input is decoded in one pass straight to its model. Only when that fails is the body read a
second time, slowly, as the service's reader has it; and if that fails too, to say which property has
which value and what it should have been.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Protocol, Self, TypeVar

import msgspec

from batchite.wire.batch import reading, refusals
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.fields import Int64
from batchite.wire.ticks import Duration, Timestamp

T = TypeVar("T")


class _Text(Protocol):
    @classmethod
    def parse(cls, text: str) -> Self: ...


def _read(type_: type, value: object) -> object:
    if not isinstance(value, str):
        if type_ is Int64 and type(value) is int:
            return Int64(value)
        raise TypeError(f"Expected `str`, got `{refusals.json_type(value)}`")
    parser: type[_Text] = type_
    try:
        return parser.parse(value)
    except ValueError as error:
        raise ValueError(str(error)) from None


@lru_cache(maxsize=1024)
def _time_text(is_duration: bool, ticks: int) -> str:
    """Mostly shared by the tasks of a collection. Numbers are found sooner than what hashes in Python."""
    return str(Duration(ticks) if is_duration else Timestamp(ticks))


def _write(value: object) -> str:
    if isinstance(value, (Duration, Timestamp)):
        return _time_text(isinstance(value, Duration), value.ticks)
    if isinstance(value, Int64):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not written to JSON")


_encoder = msgspec.json.Encoder(enc_hook=_write)


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
_making = threading.Lock()


def _decoder(type_: type) -> msgspec.json.Decoder[Any]:
    """Made by one thread at a time: what msgspec notes of a model is used by other threads, which crash,
    before it is complete."""
    found = _decoders.get(type_)
    if found is None:
        with _making:
            found = _decoders[type_] = msgspec.json.Decoder(type_, dec_hook=_read)
    return found


def decode(body: bytes, type_: type[T]) -> T:
    """Read a request body. Raises BatchError naming the property, its value and the rule."""
    try:
        model: T = _decoder(type_).decode(body.removeprefix(_BYTE_ORDER_MARK))
        return model
    except msgspec.ValidationError:
        return _convert_as_read(parse(body), type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(body, error) from None


def parse(body: bytes) -> Any:
    """Read a body as plain JSON values. Raises BatchError."""
    try:
        return msgspec.json.decode(body.removeprefix(_BYTE_ORDER_MARK))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(body, error) from None


def convert(value: object, type_: type[T]) -> T:
    """Make a model of plain JSON values, with the refusals of `decode`."""
    _decoder(type_)  # makes what is noted of the model, safely
    try:
        return msgspec.convert(value, type_, dec_hook=_read)
    except msgspec.ValidationError:
        return _convert_as_read(value, type_)
    except RecursionError as error:
        raise _unreadable(b"{}", error) from None


def _convert_as_read(value: object, type_: type[T]) -> T:
    """Likewise, once it has turned out not to be quite what the model says."""
    try:
        return msgspec.convert(reading.as_read(value, type_), type_, dec_hook=_read)
    except msgspec.ValidationError as error:
        raise refusals.explain(str(error), value, type_) from None


def encode(value: object) -> bytes:
    """Write models or plain values as JSON, in the order of their properties."""
    return _encoder.encode(value)


def to_builtins(value: object) -> Any:
    """The model as plain JSON values: dicts, tuples for lists, text, numbers."""
    return msgspec.to_builtins(value, enc_hook=_write)


def with_metadata(body: bytes, metadata: str) -> bytes:
    """Put `odata.metadata` in front of the properties of an encoded object."""
    rest = body[1:] if body == b"{}" else b"," + body[1:]
    return b'{"odata.metadata":' + encode(metadata) + rest


def page(items: Iterable[bytes], metadata: str, next_link: str | None) -> bytes:
    """The body of a list: encoded items and, if there are more, where to get them."""
    link = b"" if next_link is None else b',"odata.nextLink":' + encode(next_link)
    return with_metadata(b'{"value":[' + b",".join(items) + b"]" + link + b"}", metadata)


def _unreadable(body: bytes, error: Exception) -> BatchError:
    if not body.removeprefix(_BYTE_ORDER_MARK).strip():
        reason = "It is empty; send a JSON object."
    elif isinstance(error, UnicodeDecodeError):
        reason = "It is not UTF-8."
    elif isinstance(error, RecursionError):
        reason = "It is nested too deeply."
    else:
        reason = f"{str(error).split(' - at ')[0]}."
    return BatchError("InvalidRequestBody", reason, (("Reason", reason),))
