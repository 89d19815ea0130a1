"""How long callers wait when every stage takes what it takes in the case study: with and without searching ahead."""
