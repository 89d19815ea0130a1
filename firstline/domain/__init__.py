"""Pure types and rules: standard library only, no clock, no sockets, no vendor."""
