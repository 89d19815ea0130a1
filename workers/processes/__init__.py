"""The processes, one file each: `run(settings)` serves until it is told to stop."""
