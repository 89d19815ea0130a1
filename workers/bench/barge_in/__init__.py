"""`firstline bench barge-in`: which sounds of a caller stop the agent, on a labelled set made here."""
