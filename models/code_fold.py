"""CodeFold: a code that came up, into all that counts it: what fades, and exposures that are counts of codes."""

from __future__ import annotations

from domain.catalogue import EVENT_COUNT, Catalogue
from models.day_ring import add_to_day, day_quanta
from models.event_counts import count_event
from models.vehicle_state import StateLayout, States


class CodeFold:
    """Counts the codes of a catalogue; `names` are those of its events, in its order."""

    def __init__(self, catalogue: Catalogue, layout: StateLayout) -> None:
        self.names = tuple(catalogue.events)
        self._faded = {code: place for place, code in enumerate(layout.counted)}
        counts = [
            (code, layout.exposures.index(name))
            for name, spec in catalogue.exposures.items()
            if spec.function == EVENT_COUNT
            for code in spec.events
        ]
        self._columns = {code: tuple(column for own, column in counts if own == code) for code, _ in counts}
        self._places = {
            column: tuple((item, own.index(column)) for item, own in layout.wear_columns.items() if column in own)
            for _, column in counts
        }
        self._quanta = day_quanta(catalogue)

    def count(self, states: States, car: int, code: str, at_ms: int) -> None:
        """Count that `code` came up in a car, in place; what the catalogue does not name changes nothing."""
        if code in self._faded:
            count_event(states["counts"], car, self._faded[code], at_ms)
        for column in self._columns.get(code, ()):
            states["exposure"][car, column] += 1.0
            add_to_day(states, car, column, at_ms, 1.0, self._quanta)
            for item, place in self._places[column]:
                own = states["items"][item]
                if at_ms <= own["set_ms"][car]:  # it went with the old part
                    own["exposure"][car, place] += 1.0
