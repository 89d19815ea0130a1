"""`firstline bench chained`: how soon the chained lane is heard, with the built-in answerer and with a chat model."""
