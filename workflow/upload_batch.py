"""A batch of uploads in one body: cut into its uploads before any is read, so that one that is broken spoils none.

JSON: a line for each upload (https://github.com/ndjson/ndjson-spec). Binary: a msgpack array of `bin` values, each of
which is one upload in either encoding.
"""

from __future__ import annotations

import msgspec

from domain.errors import InvalidInput, TooLarge
from workflow.upload_codec import is_binary
from workflow.upload_envelope import cut

MAX_BATCH_BYTES = 8_388_608
MAX_BATCH_UPLOADS = 1_000

_decoder = msgspec.msgpack.Decoder(list[bytes])


def split_batch(body: bytes) -> list[bytes]:
    """The body of each upload, in order; TooLarge or InvalidInput when there are none, too many, or it is no batch."""
    uploads = _binary(body) if is_binary(body) else [line for line in body.split(b"\n") if line.strip()]
    if not uploads:
        raise InvalidInput("an empty batch", field="$", fix="send at least one upload")
    if len(uploads) > MAX_BATCH_UPLOADS:
        raise TooLarge(
            f"a batch has at most {MAX_BATCH_UPLOADS:,} uploads, this one has {len(uploads):,}",
            field="$",
            fix="send fewer uploads at a time",
        )
    return uploads


def _binary(body: bytes) -> list[bytes]:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidInput(
            f"not a batch: {cut(str(error))}", field="$", fix="send a msgpack array of bin values, one per upload"
        ) from error
