"""The real servers of the suite: found on the machine, started by the suite, ended with it."""
