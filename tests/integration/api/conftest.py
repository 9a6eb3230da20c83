"""The town of the API's unit tests, for tests over the whole of it."""

from tests.unit.api.conftest import people as people
from tests.unit.api.conftest import town as town
