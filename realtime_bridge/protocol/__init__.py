"""The live call's rules as state machines: no clock, no socket, no task."""
