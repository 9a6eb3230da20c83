"""Commits never pass a block that isn't acknowledged, whatever happens in whatever order."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from streams.block import Block, Record, blocks_of
from streams.commits import TP, BlockMessage, CommitLedger


def block(first: int, count: int = 1, partition: int = 0) -> Block:
    records = [Record(offset, b"car", b"upload", 1_700_000_000_000 + offset) for offset in range(first, first + count)]
    return Block("uploads", partition, records)


HERE = TP("uploads", 0)


def test_the_first_block_can_be_committed_and_so_can_the_next() -> None:
    ledger = CommitLedger()
    first, second = block(0, 100), block(100, 100)
    for delivered in (first, second):
        ledger.deliver(delivered)
    ledger.acknowledge(first)
    assert ledger.committable(HERE) == 100
    ledger.acknowledge(second)
    assert ledger.committable(HERE) == 200
    assert ledger.committable(HERE) is None


def test_a_block_in_the_middle_that_is_not_done_holds_the_commit() -> None:
    ledger = CommitLedger()
    blocks = [block(0, 100), block(100, 100), block(200, 1)]
    for delivered in blocks:
        ledger.deliver(delivered)
    ledger.acknowledge(blocks[0])
    ledger.acknowledge(blocks[2])
    assert ledger.committable(HERE) == 100
    assert list(ledger.partitions()) == []
    ledger.acknowledge(blocks[1])
    assert ledger.committable(HERE) == 201


def test_an_acknowledgement_from_before_a_rebalance_does_not_count() -> None:
    ledger = CommitLedger()
    old = block(0, 100)
    ledger.deliver(old)
    ledger.forget([HERE])
    again = block(0, 60)
    ledger.deliver(again)
    assert old.is_revoked
    assert not ledger.acknowledge(old)
    assert ledger.committable(HERE) is None
    assert ledger.in_flight == 1


def test_a_message_bears_the_last_offset_of_its_block() -> None:
    message = BlockMessage(block(7, 5), generation_id=3)
    assert (message.offset, message.tp, message.generation_id, message.timestamp) == (11, HERE, 3, 1_700_000_000.011)


@given(st.integers(1, 2_000), st.integers(1, 600))
def test_cutting_into_blocks_loses_no_record_and_no_order(count: int, size: int) -> None:
    records = list(block(0, count).records)
    blocks = list(blocks_of("uploads", 0, records, size))
    assert [record for cut in blocks for record in cut.records] == records
    assert all(len(cut) <= size for cut in blocks)


class Deliveries(RuleBasedStateMachine):
    """Deliver, acknowledge in any order, revoke and refetch with other boundaries."""

    outstanding = Bundle("outstanding")

    def __init__(self) -> None:
        super().__init__()
        self.ledger = CommitLedger()
        self.next_offset = {0: 0, 1: 0}
        self.committed = {0: 0, 1: 0}
        self.handled: dict[int, set[int]] = {0: set(), 1: set()}
        self.in_flight: list[Block] = []

    @rule(target=outstanding, partition=st.sampled_from([0, 1]), count=st.integers(1, 5), gap=st.integers(0, 3))
    def deliver(self, partition: int, count: int, gap: int) -> Block:
        delivered = block(self.next_offset[partition] + gap, count, partition)
        # A gap is what compaction or a transaction leaves; there is nothing in it to handle.
        self.handled[partition].update(range(self.next_offset[partition], delivered.first))
        self.next_offset[partition] = delivered.last + 1
        self.ledger.deliver(delivered)
        self.in_flight.append(delivered)
        return delivered

    @rule(done=consumes(outstanding))
    def acknowledge(self, done: Block) -> None:
        assert self.ledger.acknowledge(done) == (done in self.in_flight)
        self.handled[done.partition].update(record.offset for record in done.records)
        if done in self.in_flight:
            self.in_flight.remove(done)

    @rule(partition=st.sampled_from([0, 1]))
    def commit(self, partition: int) -> None:
        offset = self.ledger.committable(TP("uploads", partition))
        if offset is not None:
            assert offset > self.committed[partition]
            self.committed[partition] = offset

    @rule(partition=st.sampled_from([0, 1]))
    def revoke_and_refetch(self, partition: int) -> None:
        self.ledger.forget([TP("uploads", partition)])
        self.in_flight = [other for other in self.in_flight if other.partition != partition]
        self.next_offset[partition] = self.committed[partition]

    @invariant()
    def a_commit_never_passes_what_is_not_handled(self) -> None:
        for partition, committed in self.committed.items():
            assert set(range(committed)) <= self.handled[partition]

    @invariant()
    def what_is_in_flight_is_known(self) -> None:
        assert self.ledger.in_flight == len(self.in_flight)


TestDeliveries = Deliveries.TestCase
