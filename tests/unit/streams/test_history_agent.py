"""How the history agent cuts its work, so that what shares its event loop gets its turns."""

from hypothesis import given
from hypothesis import strategies as st

from streams.agents.history import SLICE_BYTES, _slices
from streams.block import Record


@given(st.lists(st.sampled_from([None, 0, 1, 5_000, 60_000, SLICE_BYTES, 200_000]), max_size=30))
def test_a_block_is_cut_into_short_pieces_and_nothing_of_it_is_lost(sizes: list[int | None]) -> None:
    records = [Record(i, b"car", None if size is None else bytes(size), 0) for i, size in enumerate(sizes)]
    slices = list(_slices(records))
    assert [record for some in slices for record in some] == records
    for some in slices:
        assert some
        # Whatever comes before its last record is less than a slice.
        assert sum(len(record.value or b"") for record in some[:-1]) < SLICE_BYTES
